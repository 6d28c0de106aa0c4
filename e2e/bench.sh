#!/usr/bin/env bash
# Prints the figures, one a line; asserts nothing. docs/benchmarks.md says what they mean. Needs a release build of
# `kubernel`; leaves nothing behind.
#   KUBERNEL_BIN  the binary to measure (default target/release/kubernel)
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked --quiet -p kubernel-sim -p kubernel-e2e --features kubernel-e2e/load

folder=$(mktemp -d /tmp/kubernel-bench.XXXXXX)
trap 'rm -rf "$folder"' EXIT

code=0
# The processes it starts end with it, also when time is up.
timeout --kill-after=5 300 target/release/bench "${KUBERNEL_BIN:-target/release/kubernel}" "$folder" || code=$?
timeout --kill-after=5 60 target/release/kernel_bench || code=$?
exit $code
