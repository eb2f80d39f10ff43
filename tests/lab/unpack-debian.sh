#!/bin/sh
# Usage: unpack-debian.sh FOLDER PACKAGE…
# Puts packages of Debian into node_modules/.cache/FOLDER, with the libraries that this machine
# lacks. It needs no root and does not change the system, because apt downloads from the machine's
# own sources and dpkg only unpacks.
set -eu
cache=$(cd "$(dirname "$0")/../.." && pwd)/node_modules/.cache/$1
shift
packages=$*
[ "$(cat "$cache/complete" 2>/dev/null)" = "$packages" ] && exit 0

rm -rf "$cache"
mkdir -p "$cache/apt/archives/partial" "$cache/lists/partial" "$cache/lib"

# $1 is update or install. The next arguments are further options and packages.
get() {
  apt-get --quiet=2 -o "Dir::Cache=$cache/apt" -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}
download() {
  # `packages` is a list of several words.
  # shellcheck disable=SC2086
  get install --yes --reinstall --no-install-recommends --download-only "$@" $packages
}
# The machine's lists of packages may be empty, or name versions that no longer exist.
download_anew() {
  get update -o "Dir::State::lists=$cache/lists" && download -o "Dir::State::lists=$cache/lists"
}
download 2>/dev/null || download_anew || { sleep 5 && download_anew; } || { sleep 20 && download_anew; }

for archive in "$cache"/apt/archives/*.deb; do dpkg -x "$archive" "$cache/root"; done
find "$cache/root" -name '*.so*' -exec ln -s -t "$cache/lib" {} +
rm -rf "$cache/apt" "$cache/lists"
echo "$packages" >"$cache/complete"
