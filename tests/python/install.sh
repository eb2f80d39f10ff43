#!/bin/sh
# Puts the clients of requirements.txt into .venv beside this file. Leaves the system alone.
set -eu
cd "$(dirname "$0")"
./venv.sh requirements.txt .venv
