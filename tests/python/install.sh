#!/bin/sh
# Puts the clients of requirements.txt into .venv beside this file. It does not change the system.
set -eu
cd "$(dirname "$0")"
./venv.sh requirements.txt .venv
