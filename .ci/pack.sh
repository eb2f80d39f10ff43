#!/usr/bin/env bash
# Usage: pack.sh TAG FOLDER. Puts into FOLDER what a release consists of: the package, an SBOM of its
# dependencies, what CHANGELOG.md says, and checksums. It refuses a TAG that is not the version of
# package.json, and a version that CHANGELOG.md has not dated.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=$1
folder=$2

version=$(node -p "require('./package.json').version")
if [ "$tag" != "v$version" ]; then
  echo "Cannot release $tag: package.json has $version" >&2
  exit 1
fi
if ! grep -qE "^## ${version//./\\.} – [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md; then
  echo "Cannot release $tag: CHANGELOG.md has no line '## $version – YYYY-MM-DD'" >&2
  exit 1
fi

mkdir -p "$folder"
npm pack --silent --pack-destination "$folder"
# `npm sbom --omit=dev` leaves out a dependency that a tool needs too. So the tools are removed first.
alone=$(mktemp -d)
trap 'rm -rf "$alone"' EXIT
cp package.json package-lock.json "$alone"
(
  cd "$alone"
  npm pkg delete devDependencies
  npm prune --silent --package-lock-only --ignore-scripts
  npm sbom --package-lock-only --sbom-format=spdx
) >"$folder/sluice-$version.spdx.json"
# The section of this version, without its heading.
sed -n "/^## ${version//./\\.} – /,/^## /{/^## /d;p}" CHANGELOG.md >"$folder/notes.md"
(cd "$folder" && sha256sum ./*.tgz ./*.spdx.json >SHA256SUMS)
