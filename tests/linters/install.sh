#!/bin/sh
# Installs the linters into .programs beside this file. Some come from PyPI. One is built with Go, and
# Prometheus comes from Debian.
# The script needs no root rights and does not change the system.
set -eu
cd "$(dirname "$0")"
gateway=sigs.k8s.io/gateway-api@v1.6.3
../lab/unpack-debian.sh prometheus prometheus
lists=$(cat install.sh requirements.txt go/go.sum | cksum)
[ "$(cat .programs/complete 2>/dev/null)" = "$lists" ] && exit 0

mkdir -p .programs/bin
../python/venv.sh requirements.txt .programs/python
(cd go && go build -buildvcs=false -o ../.programs/bin/actionlint github.com/rhysd/actionlint/cmd/actionlint)
# The schema of HTTPRoute, which is not a part of Kubernetes itself.
(cd go && go mod download "$gateway")
cp "$(go env GOMODCACHE)/$gateway/config/crd/standard/gateway.networking.k8s.io_httproutes.yaml" .programs/http-route.yaml
chmod u+w .programs/http-route.yaml
echo "$lists" >.programs/complete
