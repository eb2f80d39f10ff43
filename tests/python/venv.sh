#!/bin/sh
# Usage: venv.sh REQUIREMENTS FOLDER. Creates a Python environment in FOLDER, and installs the
# packages that the file REQUIREMENTS lists. It needs no root.
set -eu
requirements=$1
folder=$2
cmp -s "$requirements" "$folder/complete" && exit 0

rm -rf "$folder"
# ensurepip puts pip into a new environment. Debian has ensurepip in a separate package
# (python3-venv). If ensurepip is missing, the system's pip installs the packages.
if python3 -m ensurepip --version >/dev/null 2>&1; then
  python3 -m venv "$folder"
  set -- "$folder/bin/python" -m pip
elif python3 -m pip --version >/dev/null 2>&1; then
  python3 -m venv --without-pip "$folder"
  set -- python3 -m pip --python "$folder/bin/python"
else
  echo "Cannot install $requirements: python3 has neither venv nor pip (on Debian: apt-get install python3-venv)" >&2
  exit 1
fi
"$@" install --quiet --disable-pip-version-check --only-binary :all: --retries 3 --requirement "$requirements"
cp "$requirements" "$folder/complete"
