#!/bin/sh
# Puts Debian's libfaketime into node_modules/.cache/machine. It does not change the system,
# because apt downloads from the machine's own sources and dpkg only unpacks.
set -eu
cache=$(cd "$(dirname "$0")/../.." && pwd)/node_modules/.cache/machine
[ -e "$cache/complete" ] && exit 0

rm -rf "$cache"
mkdir -p "$cache/lists/partial"
cd "$cache"

# $1 is update or download. The next arguments are further options and packages.
get() {
  apt-get --quiet=2 -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}
# The machine's lists of packages may be empty, or name versions that no longer exist.
download_anew() {
  get update -o "Dir::State::lists=$cache/lists" && get download libfaketime -o "Dir::State::lists=$cache/lists"
}
get download libfaketime 2>/dev/null || download_anew || { sleep 5 && download_anew; } || { sleep 20 && download_anew; }

for archive in ./*.deb; do dpkg -x "$archive" root; done
find root -name libfaketime.so.1 -exec cp {} . \;
rm -rf root lists ./*.deb
touch complete
