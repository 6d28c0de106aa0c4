//! The host below: bridge, routes, sysctls, and the tools `ip` and `nft`. The only place that touches them.

use crate::{Config, Error};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A tool that takes longer is given up.
const TOOL_SECS_MAX: u64 = 60;
const BRIDGE_NETFILTER: &str = "/proc/sys/net/bridge/bridge-nf-call-iptables";

/// Bridge, forwarding and the route by which host processes reach ClusterIPs.
pub(crate) async fn prepare(config: &Config) -> Result<(), Error> {
    let bridge = config.bridge.as_str();
    if !Path::new("/sys/class/net").join(bridge).exists() {
        run("ip", &["link", "add", bridge, "type", "bridge"], "").await?;
    }
    let address = format!("{}/{}", config.gateway(), config.pod_cidr.prefix_len());
    run("ip", &["address", "replace", &address, "dev", bridge], "").await?;
    run("ip", &["link", "set", bridge, "up"], "").await?;
    sysctl("/proc/sys/net/ipv4/ip_forward", "1")?;
    if !bridge_netfilter() {
        // Built in, or not to be had: both show in the file afterwards, and the plan copes with its absence.
        let _ = run("modprobe", &["br_netfilter"], "").await;
    }
    if Path::new(BRIDGE_NETFILTER).exists() {
        sysctl(BRIDGE_NETFILTER, "1")?;
    }
    if config.redirects.iter().any(|redirect| redirect.to.ip().is_loopback()) {
        sysctl(&format!("/proc/sys/net/ipv4/conf/{bridge}/route_localnet"), "1")?;
    }
    // Without a route a connect to a ClusterIP fails before the output hook can rewrite it; the source makes
    // pods answer through the bridge. Not on the bridge: packets that are forwarded to where they came from make
    // the kernel send redirects, and pods would then look for the ClusterIP on their own link.
    let (services, source) = (config.service_cidr.to_string(), config.gateway().to_string());
    run("ip", &["route", "replace", &services, "dev", "lo", "src", &source], "").await
}

/// Whether packets between two ports of a bridge pass nftables, so that replies find their translation.
pub(crate) fn bridge_netfilter() -> bool {
    std::fs::read_to_string(BRIDGE_NETFILTER).is_ok_and(|text| text.trim() == "1")
}

/// Applies a script in one transaction: all of it or nothing.
pub(crate) async fn nft(script: &str) -> Result<(), Error> {
    run("nft", &["-f", "-"], script).await
}

fn sysctl(path: &str, value: &str) -> Result<(), Error> {
    if std::fs::read_to_string(path).is_ok_and(|old| old.trim() == value) {
        return Ok(());
    }
    std::fs::write(path, value).map_err(|source| Error::Write { path: path.into(), source })
}

async fn run(tool: &str, args: &[&str], input: &str) -> Result<(), Error> {
    let failed = |reason: String| Error::Tool { tool: format!("{tool} {}", args.join(" ")), reason };
    let attempt = async {
        let mut child = Command::new(tool)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take();
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A tool that stops reading says why on its error output.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        output
    };
    match tokio::time::timeout(Duration::from_secs(TOOL_SECS_MAX), attempt).await {
        Err(_) => Err(failed("took too long".into())),
        Ok(Err(e)) => Err(failed(e.to_string())),
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
