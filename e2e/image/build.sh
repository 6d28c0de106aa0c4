#!/usr/bin/env bash
# Makes the images that a cluster without a registry starts with, and needs no network for it:
#   name                               content
#   kubernel.local/pause:1             the sandbox process
#   kubernel.local/sample:v1 and :v2   busybox and `sample`; they differ in VERSION and MESSAGE
# Usage: build.sh [FILE]   (default target/images/sample.tar; load it with `ctr -n k8s.io images import FILE`)
# The result is a docker-archive with fixed times and owners: the same input gives the same bytes.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-$root/target/images/sample.tar}
busybox=${BUSYBOX:-$(command -v busybox || true)}
[ -n "$busybox" ] || { echo "build.sh: busybox is missing: install busybox-static" >&2; exit 1; }

case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) echo "build.sh: no image architecture known for $(uname -m)" >&2; exit 1 ;;
esac
triple=$(uname -m)-unknown-linux-gnu

# A target folder of its own: other flags than the workspace's build would make cargo rebuild everything there.
CARGO_TARGET_DIR=$root/target/image RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --quiet --locked --manifest-path "$root/Cargo.toml" -p kubernel-sample --profile image --target "$triple"
sample=$root/target/image/$triple/image/sample

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/image"

pack() { # pack FOLDER FILE: reproducible tar
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar -C "$1" -cf "$2" .
}

layer() { # layer FOLDER: packs it into the image as a layer, prints its digest in hex
    pack "$1" "$work/layer.tar"
    local digest
    digest=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
    mv "$work/layer.tar" "$work/image/$digest.tar"
    echo "$digest"
}

config() { # config LAYER CMD-JSON ENV-JSON: writes the image's configuration, prints its file name
    local file=$work/config.json digest
    cat >"$file" <<JSON
{"architecture":"$arch","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Env":$3,"Cmd":$2,"WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["sha256:$1"]}}
JSON
    digest=$(sha256sum "$file" | cut -d' ' -f1)
    mv "$file" "$work/image/$digest.json"
    echo "$digest.json"
}

path='"PATH=/bin"'

mkdir -p "$work/pause"
cp "$sample" "$work/pause/pause"
chmod 755 "$work/pause" "$work/pause/pause"
pause_layer=$(layer "$work/pause")
pause_config=$(config "$pause_layer" '["/pause","pause"]' "[$path]")

mkdir -p "$work/sample"/{bin,etc,tmp,root,var}
cp "$busybox" "$work/sample/bin/busybox"
cp "$sample" "$work/sample/bin/sample"
for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$work/sample/bin/$applet"
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$work/sample/etc/passwd"
echo 'nobody:x:65534:65534:nobody:/tmp:/bin/sh' >>"$work/sample/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$work/sample/etc/group"
chmod 755 "$work/sample" "$work/sample"/{bin,etc,var} "$work/sample"/bin/{busybox,sample}
chmod 700 "$work/sample/root"
chmod 1777 "$work/sample/tmp"
sample_layer=$(layer "$work/sample")

entries="{\"Config\":\"$pause_config\",\"RepoTags\":[\"kubernel.local/pause:1\"],\"Layers\":[\"$pause_layer.tar\"]}"
for version in v1 v2; do
    message='"MESSAGE=hello"'
    [ "$version" = v1 ] || message='"MESSAGE=hello again"'
    file=$(config "$sample_layer" '["sample","serve"]' "[$path,\"VERSION=$version\",$message]")
    entries+=",{\"Config\":\"$file\",\"RepoTags\":[\"kubernel.local/sample:$version\"],\"Layers\":[\"$sample_layer.tar\"]}"
done
echo "[$entries]" >"$work/image/manifest.json"

mkdir -p "$(dirname "$out")"
pack "$work/image" "$out.partial"
mv "$out.partial" "$out"
echo "$out"
