#!/bin/sh
# Installs pnpm, the oldest Node that Sluice supports, and the programs that judge a package.
exec "$(dirname "$0")/../lab/install-npm.sh" package
