#!/usr/bin/env bash
# Stops the cluster that `make up` started, and its containers. Its data stays.
set -euo pipefail
data=${DATA_DIR:-/var/lib/kubernel}

stop() { # stop PIDFILE
    local pid
    pid=$(cat "$1" 2>/dev/null || true)
    if [ -n "$pid" ] && kill "$pid" 2>/dev/null; then
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    fi
    rm -f "$1"
}

stop "$data/kubernel.pid"
socket=$data/containerd/containerd.sock
if [ -S "$socket" ] && ctr -a "$socket" version >/dev/null 2>&1; then
    for task in $(ctr -a "$socket" -n k8s.io tasks ls -q); do
        ctr -a "$socket" -n k8s.io tasks kill -s SIGKILL -a "$task" >/dev/null 2>&1 || true
        ctr -a "$socket" -n k8s.io tasks delete -f "$task" >/dev/null 2>&1 || true
    done
    for container in $(ctr -a "$socket" -n k8s.io containers ls -q); do
        ctr -a "$socket" -n k8s.io containers delete "$container" >/dev/null 2>&1 || true
    done
fi
# containerd is a process of its own, started with this folder's configuration.
pkill -f -- "containerd --config $data/containerd/config.toml" || true
grep " $data/" /proc/self/mounts | cut -d' ' -f2 | sort -r | xargs -r umount -l || true
# No Pod is left: their addresses are free again, and bridge and packet filter table serve nobody.
rm -rf "$data/cni/networks"
bridge=${KUBERNEL_BRIDGE:-kubernel0}
nft delete table ip "$bridge" 2>/dev/null || true
ip link delete "$bridge" 2>/dev/null || true
