#!/usr/bin/env bash
# Builds the image for this machine, runs it as docs/deploy.md says, and measures it. It needs Docker.
set -euo pipefail
cd "$(dirname "$0")/.."
most=250000000

docker build --tag sluice .
bytes=$(docker image inspect --format '{{.Size}}' sluice)
echo "$(docker image inspect --format '{{.Os}}/{{.Architecture}}' sluice): $bytes bytes, at most $most" | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"
[ "$bytes" -le "$most" ]

keys=$(docker run --rm sluice dist/key.js alice | sed -nE 's/^  (alice:.*)$/\1/p')
container=$(docker run --detach --publish 127.0.0.1:8083:8083 --env SLUICE_API_KEYS="$keys" \
  --read-only --cap-drop ALL --security-opt no-new-privileges sluice)
trap 'docker rm --force "$container" >/dev/null' EXIT
for _ in $(seq 60); do
  health=$(docker inspect --format '{{.State.Health.Status}}' "$container")
  [ "$health" = starting ] || break
  sleep 1
done
if [ "$health" != healthy ]; then
  docker logs "$container"
  echo "The image is $health" >&2
  exit 1
fi
curl --fail --silent --show-error http://127.0.0.1:8083/healthz
docker stop --time 15 "$container" >/dev/null
# SIGTERM ends it with 0.
[ "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0 ]
