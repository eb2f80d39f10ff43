#!/bin/sh
# Puts the clients of requirements.txt into .venv beside this file. Needs no root and leaves the system alone.
set -eu
cd "$(dirname "$0")"
cmp -s requirements.txt .venv/complete && exit 0

rm -rf .venv
# Debian has ensurepip, which puts pip into a new environment, in a package of its own (python3-venv). The system's pip does as well.
if python3 -m ensurepip --version >/dev/null 2>&1; then
  python3 -m venv .venv
  set -- .venv/bin/python -m pip
elif python3 -m pip --version >/dev/null 2>&1; then
  python3 -m venv --without-pip .venv
  set -- python3 -m pip --python .venv/bin/python
else
  echo "Cannot install the Python clients: python3 has neither venv nor pip (on Debian: apt-get install python3-venv)" >&2
  exit 1
fi
"$@" install --quiet --disable-pip-version-check --only-binary :all: --retries 3 --requirement requirements.txt
cp requirements.txt .venv/complete
