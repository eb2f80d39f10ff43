#!/bin/sh
# Installs the programs into .programs beside this file. Some come from npm and PyPI. Two are built
# with Go. The script needs no root rights and does not change the system.
set -eu
cd "$(dirname "$0")"
lists=$(cat npm/package-lock.json requirements.txt go/go.sum go/main.go | cksum)
[ "$(cat .programs/complete 2>/dev/null)" = "$lists" ] && exit 0

mkdir -p .programs/npm
# npm's own scripts need Node on the PATH. The project's Node is in its node_modules.
PATH="$(cd ../.. && pwd)/node_modules/.bin:$PATH"
cp npm/package.json npm/package-lock.json .programs/npm/
npm ci --prefix .programs/npm --no-audit --no-fund --loglevel=error
../python/venv.sh requirements.txt .programs/python
# Building Ollama's command line needs a C compiler. The flags set the version, as Ollama's own
# build script does.
version=$(cd go && go list -m -f '{{.Version}}' github.com/ollama/ollama)
(cd go && go build -buildvcs=false -o ../.programs/bin/client .)
(cd go && go build -buildvcs=false -o ../.programs/bin/ollama -ldflags "-X=github.com/ollama/ollama/version.Version=${version#v}" github.com/ollama/ollama)
echo "$lists" >.programs/complete
