//! Small container images made in memory: an OCI layout in a tar archive, as `ctr images import` reads it.
//!
//! Made for images of a few static files where no registry is at hand. The same input gives the same bytes.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// One file of an image's single layer.
#[derive(Clone, Debug)]
pub struct File {
    /// Path without a leading slash. Folders on the way are made.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Contents.
    pub data: Vec<u8>,
}

/// How the image's program starts.
#[derive(Clone, Debug, Default)]
pub struct ImageConfig {
    /// The program and its fixed arguments.
    pub entrypoint: Vec<String>,
    /// Arguments that a Pod may replace.
    pub cmd: Vec<String>,
    /// Environment, `NAME=value`.
    pub env: Vec<String>,
    /// Symbolic links: path to target.
    pub links: BTreeMap<String, String>,
}

/// An archive with one image under `name` (a full reference with tag).
pub fn archive(name: &str, files: &[File], config: &ImageConfig) -> Vec<u8> {
    let layer = layer(files, &config.links);
    let layer_digest = digest(&layer);
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let image = json!({
        "architecture": arch,
        "os": "linux",
        "config": {"Entrypoint": config.entrypoint, "Cmd": config.cmd, "Env": config.env},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
        "history": [{"created_by": "kubernel"}],
    })
    .to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", image.as_bytes()),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
    })
    .to_string();
    let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
    let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
    entry["annotations"] = json!({"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag});
    let index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();

    let mut tar = Vec::new();
    put(&mut tar, "oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#);
    put(&mut tar, "index.json", 0o644, index.as_bytes());
    for blob in [manifest.as_bytes(), image.as_bytes(), &layer] {
        put(&mut tar, &format!("blobs/sha256/{}", digest(blob)), 0o644, blob);
    }
    finish(tar)
}

fn descriptor(media_type: &str, blob: &[u8]) -> serde_json::Value {
    json!({"mediaType": media_type, "digest": format!("sha256:{}", digest(blob)), "size": blob.len()})
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn layer(files: &[File], links: &BTreeMap<String, String>) -> Vec<u8> {
    let mut tar = Vec::new();
    let mut folders = std::collections::BTreeSet::new();
    for path in files.iter().map(|file| &file.path).chain(links.keys()) {
        for (at, _) in path.match_indices('/') {
            folders.insert(path[..at].to_owned());
        }
    }
    folders.insert("tmp".into());
    for folder in &folders {
        let mode = if folder == "tmp" { 0o1777 } else { 0o755 };
        header(&mut tar, &format!("{folder}/"), mode, b'5', 0, "");
    }
    for file in files {
        put(&mut tar, &file.path, file.mode, &file.data);
    }
    for (path, target) in links {
        header(&mut tar, path, 0o777, b'2', 0, target);
    }
    finish(tar)
}

fn put(tar: &mut Vec<u8>, path: &str, mode: u32, data: &[u8]) {
    header(tar, path, mode, b'0', data.len(), "");
    tar.extend_from_slice(data);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

/// One ustar header. Paths here are short; a longer one than 100 bytes is cut, which the import then refuses.
fn header(tar: &mut Vec<u8>, path: &str, mode: u32, kind: u8, size: usize, link: &str) {
    let mut block = [0u8; 512];
    let mut field = |at: usize, len: usize, text: &[u8]| {
        let len = len.min(text.len());
        block[at..at + len].copy_from_slice(&text[..len]);
    };
    field(0, 100, path.as_bytes());
    field(100, 8, format!("{mode:07o}\0").as_bytes());
    field(108, 8, b"0000000\0");
    field(116, 8, b"0000000\0");
    field(124, 12, format!("{size:011o}\0").as_bytes());
    field(136, 12, b"00000000000\0");
    field(148, 8, b"        ");
    field(156, 1, &[kind]);
    field(157, 100, link.as_bytes());
    field(257, 8, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(&block);
}

fn finish(mut tar: Vec<u8>) -> Vec<u8> {
    tar.resize(tar.len() + 1024, 0);
    tar
}
