#!/bin/sh
# Puts the programs into .programs beside this file: npm's, PyPI's, and two that Go builds. It
# needs no root and does not change the system.
set -eu
cd "$(dirname "$0")"
lists=$(cat npm/package-lock.json requirements.txt go/go.sum go/main.go | cksum)
[ "$(cat .programs/complete 2>/dev/null)" = "$lists" ] && exit 0

mkdir -p .programs/npm
# The project's Node is in its node_modules, and npm's own scripts need it on the PATH.
PATH="$(cd ../.. && pwd)/node_modules/.bin:$PATH"
cp npm/package.json npm/package-lock.json .programs/npm/
npm ci --prefix .programs/npm --no-audit --no-fund --loglevel=error
../python/venv.sh requirements.txt .programs/python
# The command line of Ollama needs a C compiler. Its own build script would set the version.
version=$(cd go && go list -m -f '{{.Version}}' github.com/ollama/ollama)
(cd go && go build -buildvcs=false -o ../.programs/bin/client .)
(cd go && go build -buildvcs=false -o ../.programs/bin/ollama -ldflags "-X=github.com/ollama/ollama/version.Version=${version#v}" github.com/ollama/ollama)
echo "$lists" >.programs/complete
