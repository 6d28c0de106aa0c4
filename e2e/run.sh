#!/usr/bin/env bash
# Runs the end-to-end tests and leaves nothing behind: clusters, containers, bridges, tables.
# Arguments go to cargo test, for example `--test kubectl` or a test's name.
set -uo pipefail
cd "$(dirname "$0")/.."

clean() {
    local folder name
    for folder in /tmp/kubernel-e2e/*/; do
        [ -d "$folder" ] || continue
        folder=${folder%/}
        name=kbl-$(basename "$folder" | sed 's/-[0-9]*$//')
        DATA_DIR=$folder KUBERNEL_BRIDGE=$name manifests/down.sh
        rm -rf "$folder"
    done
}

clean
cargo test -p kubernel-e2e --locked --no-fail-fast "$@"
code=$?
clean
if [ $# = 0 ]; then
    # Single parts against the real kernel, containerd and kubectl.
    cargo test -p kubernel-net -p kubernel-streams --locked -- --ignored || code=1
fi
exit $code
