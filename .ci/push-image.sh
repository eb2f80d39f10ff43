#!/usr/bin/env bash
# Usage: push-image.sh TAG FOLDER. Builds the image for both architectures, pushes it to GitHub's
# registry, and writes into FOLDER/images.md how large it is. It runs in GitHub's workflow only.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=$1
folder=$2
image=ghcr.io/${GITHUB_REPOSITORY,,}
label=org.opencontainers.image

# Docker's default builder makes images for one architecture only.
docker buildx create --use >/dev/null
docker buildx build --platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max --push \
  --tag "$image:${tag#v}" --tag "$image:latest" \
  --label "$label.version=${tag#v}" --label "$label.revision=$GITHUB_SHA" \
  --label "$label.source=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY" .

mkdir -p "$folder"
{
  printf '\n## Image\n\n    docker pull %s:%s\n\n| Architecture | Compressed |\n|---|---|\n' "$image" "${tag#v}"
  for architecture in amd64 arm64; do
    digest=$(docker buildx imagetools inspect --raw "$image:${tag#v}" |
      jq --raw-output ".manifests[] | select(.platform.architecture == \"$architecture\") | .digest")
    docker buildx imagetools inspect --raw "$image@$digest" |
      jq --raw-output "\"| $architecture | \\(([.layers[].size] | add) / 1e6 | round) MB |\""
  done
} | tee -a "$folder/images.md" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
