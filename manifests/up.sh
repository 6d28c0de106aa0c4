#!/usr/bin/env bash
# Starts a one-node cluster in the background and runs the sample app on it. `make up` calls this.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${DATA_DIR:-/var/lib/kubernel}
listen=${LISTEN:-127.0.0.1:6443}
kubectl=${KUBERNEL_TOOLS:-$PWD/target/tools}/v36/kubectl/kubectl
export KUBECONFIG=$data/admin.kubeconfig

fail() {
    echo "make up: $*" >&2
    exit 1
}

wait_for() { # wait_for SECONDS WHAT COMMAND…
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "$what did not happen; see $data/kubernel.log"
        sleep 0.1
    done
}

mkdir -p "$data"
if [ -s "$data/kubernel.pid" ] && kill -0 "$(cat "$data/kubernel.pid")" 2>/dev/null; then
    echo "a cluster runs already (pid $(cat "$data/kubernel.pid"))"
else
    # A session of its own, so that the cluster outlives this terminal.
    setsid target/release/kubernel up --data-dir "$data" --listen "$listen" >"$data/kubernel.log" 2>&1 </dev/null &
    echo $! >"$data/kubernel.pid"
fi
alive() { kill -0 "$(cat "$data/kubernel.pid")" 2>/dev/null || fail "the cluster stopped: $(tail -3 "$data/kubernel.log")"; }
ready() { alive && "$kubectl" wait --for=condition=Ready node --all --timeout=1s; }
wait_for 60 "a ready node" ready
cat "$data/kubernel.log"

ctr -a "$data/containerd/containerd.sock" -n k8s.io images import target/images/sample.tar >/dev/null
"$kubectl" apply -f manifests/sample
"$kubectl" rollout status deployment/sample --timeout=120s

address=$("$kubectl" get service sample -o jsonpath='{.spec.clusterIP}')
answers() { curl -fsS --max-time 2 "http://$address/"; }
wait_for 30 "an answer from the sample app" answers
echo
echo "http://$address/ answers:"
answers
echo
echo "and under its name, from a Pod:"
"$kubectl" exec deployment/sample -- sh -c 'nslookup sample.default.svc.cluster.local | tail -n 3' ||
    fail "the name sample.default.svc.cluster.local is not known"
cat <<TEXT

The cluster is up. To use it:

  export KUBECONFIG=$KUBECONFIG
  export PATH=$(dirname "$kubectl"):\$PATH
  kubectl get pods -o wide
  kubectl get resourceroles,agents

make down stops it.
TEXT
