#!/bin/sh
# Puts the clients of requirements.txt into .venv beside this file, and Schemathesis into a .venv of
# its own. It does not change the system.
set -eu
cd "$(dirname "$0")"
./venv.sh requirements.txt .venv
./venv.sh schemathesis/requirements.txt schemathesis/.venv
