#!/bin/sh
# Puts Debian's redis-server into node_modules/.cache/redis.
exec "$(dirname "$0")/../lab/unpack-debian.sh" redis redis-server redis-tools
