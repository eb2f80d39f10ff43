#!/bin/sh
# Puts Debian's nginx, haproxy and caddy into node_modules/.cache/proxies.
exec "$(dirname "$0")/../lab/unpack-debian.sh" proxies nginx haproxy caddy
