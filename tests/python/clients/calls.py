"""Lets a test call the functions of a program, one after the other.

Standard input has a line `{"call": NAME, "arguments": {…}}` for each call. Standard output has a
line `{"got": VALUE}` for each value as soon as the function yields it. The last line of a call is
`{"ended": "returned"}` or `{"ended": "raised", …}`.
"""

import json
import os
import sys

# The key that a client sends.
KEY = os.environ.get("KEY", "none")


def serve(functions):
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            for value in functions[asked["call"]](**asked["arguments"]):
                say(got=value)
            say(ended="returned")
        except Exception as error:
            status = getattr(error, "status_code", None)
            say(ended="raised", type=type(error).__name__, message=str(error), status=status)


def say(**what):
    print(json.dumps(what), flush=True)
