#!/bin/sh
# Puts the programs into .programs beside this file: npm's, PyPI's, and two that Go builds. Needs no root and leaves the system alone.
set -eu
cd "$(dirname "$0")"
lists=$(cat npm/package-lock.json requirements.txt go/go.sum go/main.go | cksum)
[ "$(cat .programs/complete 2>/dev/null)" = "$lists" ] && exit 0

mkdir -p .programs/npm
# Node of this project is in its node_modules, and npm's own scripts want it.
PATH="$(cd ../.. && pwd)/node_modules/.bin:$PATH"
cp npm/package.json npm/package-lock.json .programs/npm/
npm ci --prefix .programs/npm --no-audit --no-fund --loglevel=error
../python/venv.sh requirements.txt .programs/python
# The command line of Ollama needs a C compiler. Its version is what its build script would set.
version=$(cd go && go list -m -f '{{.Version}}' github.com/ollama/ollama)
(cd go && go build -buildvcs=false -o ../.programs/bin/client .)
(cd go && go build -buildvcs=false -o ../.programs/bin/ollama -ldflags "-X=github.com/ollama/ollama/version.Version=${version#v}" github.com/ollama/ollama)
echo "$lists" >.programs/complete
