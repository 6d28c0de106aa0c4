# up    a cluster on this machine, with a sample app on it     down   stops it (containers too)
# test  everything CI checks                                    bench  the benchmarks, one line per figure
# faults  breaks clusters on one machine and on many
# Run as root on Debian 12 with Rust; what else is needed gets installed.

export KUBERNEL_TOOLS ?= $(CURDIR)/target/tools
export DATA_DIR ?= /var/lib/kubernel
export LISTEN ?= 127.0.0.1:6443

IMAGES := target/images/sample.tar

.PHONY: up down test prerequisites unit lint e2e bench bench-sim faults images release

up: release images
	@e2e/prerequisites.sh clients
	@manifests/up.sh

down:
	@manifests/down.sh

test: lint unit e2e

prerequisites:
	@e2e/prerequisites.sh build

lint: prerequisites
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

unit: prerequisites
	cargo test --workspace --locked --exclude kubernel-e2e
	cargo run --release --locked --quiet -p kubernel-sim --bin kernel_sim -- --seeds 0..300

e2e: images
	@e2e/prerequisites.sh all
	cargo build --locked -p kubernel -p kubernel-fleet
	cargo build --locked -p kubernel-e2e --features load --bin faults --bin upgrade
	@e2e/run.sh

bench: release
	@e2e/prerequisites.sh all
	@e2e/bench.sh

# Breaks clusters for ten minutes each, then lets one run for half an hour: what tests do in a few minutes.
faults: prerequisites
	cargo build --release --locked -p kubernel
	cargo build --release --locked -p kubernel-e2e --features load --bin faults
	@for trial in "etcd 600" "embedded 600" "soak 1800"; do folder=$$(mktemp -d /tmp/kubernel-faults.XXXXXX) && \
		target/release/faults target/release/kubernel $$folder $$trial $$(date +%s) && rm -rf $$folder || exit 1; done

# Ten thousand random worlds of the kernel; one that fails leaves a file that replays it.
bench-sim: prerequisites
	cargo run --release --locked -p kubernel-sim --bin kernel_sim

release:
	@e2e/prerequisites.sh node
	cargo build --release --locked

images: $(IMAGES)

$(IMAGES): e2e/image/build.sh $(wildcard e2e/sample/src/*.rs)
	@e2e/prerequisites.sh node
	@e2e/image/build.sh $@
