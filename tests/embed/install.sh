#!/bin/sh
# Installs the frameworks of docs/embed.md. The tests need their types, and run the small ones. The
# optional packages are compilers of Next.js and Vite, which no test runs.
exec "$(dirname "$0")/../lab/install-npm.sh" embed --omit=optional
