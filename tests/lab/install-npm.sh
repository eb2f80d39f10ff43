#!/bin/sh
# Usage: install-npm.sh FOLDER [FLAG…]
# Installs what tests/FOLDER/npm/package-lock.json lists into tests/FOLDER/.programs. The flags are
# those of npm ci. The script needs no root rights and does not change the system.
set -eu
cd "$(dirname "$0")/../$1"
shift
lists=$(cksum <npm/package-lock.json)
[ "$(cat .programs/complete 2>/dev/null)" = "$lists" ] && exit 0

mkdir -p .programs
# npm's own scripts need Node on the PATH. The project's Node is in its node_modules.
PATH="$(cd ../.. && pwd)/node_modules/.bin:$PATH"
cp npm/package.json npm/package-lock.json .programs/
npm ci --prefix .programs --no-audit --no-fund --loglevel=error "$@"
echo "$lists" >.programs/complete
