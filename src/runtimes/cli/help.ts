/** What `sluice --help` prints. It has to be enough for a first run. */
export const help = `Sluice sends what Ollama writes to browsers and programs, token by token, and has a page for chats.

  sluice                        start the service, in front of Ollama on this machine
  sluice demo                   start it without Ollama: every answer is made up, by no model
  sluice check                  say what is wrong, and what to do about it; exit status 0 or 1
  sluice key add NAME [MODEL…]  make a secret for a caller, who then may use only these models
                                (* is a wildcard; without models: all that Sluice allows)
  sluice key list               show the keys of a file, without their secrets
  sluice key revoke NAME        take a key out of a file; its answers end within a second
  sluice key rotate NAME        give a key of a file another secret

To begin:
  1. sluice demo --open         shows the page. It is at http://127.0.0.1:8083, until Ctrl+C
  2. ollama pull gemma3:270m    gets a small model. Ollama is at https://ollama.com/download
  3. sluice check               looks whether all is there
  4. sluice --open              shows the page, with answers by the model

Flags:
  --port PORT      listen on this port (8083); 0 is any free one, which is printed     PORT
  --host ADDRESS   listen on this address (127.0.0.1). Other addresses need keys       HOST
  --ollama HOST    where Ollama is (127.0.0.1:11434)                                   OLLAMA_HOST
  --demo           the same as sluice demo; sluice check --demo looks at the demo      SLUICE_DEMO=1
  --open           open the page in the browser, once Sluice listens
  --env-file FILE  read variables from a file of lines NAME=value. May be repeated
  --file FILE      the file that sluice key reads and writes                  SLUICE_API_KEYS_FILE
  --admin          sluice key add: the key may see what an operator may
  --expires TIME   sluice key add: the key ends then, such as 2027-01-31T12:00:00Z
  --help, -h       print this
  --version, -v    print the version

The variables on the right say the same. A flag wins over the environment, and the environment wins
over a file. Of several files, the last one wins. Only variables set the rest, such as:
  SLUICE_MODEL     the model for requests that name none
  SLUICE_API_KEYS  the keys of callers, as sluice key add prints them
  SLUICE_API_KEYS_FILE  a file of them, which may change while Sluice runs
docs/command.md has examples, and docs/protocol.md §8 has all variables.
`
