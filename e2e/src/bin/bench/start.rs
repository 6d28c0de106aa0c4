//! How long a start takes, and what an idle control plane holds.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::figures::{percentile, print_mib, print_millis};
use kubernel_e2e::Result;
use kubernel_e2e::process::Server;

const STARTS: usize = 5;
const IDLE: Duration = Duration::from_secs(3);

/// Measures; needs about five seconds.
pub(crate) async fn run(binary: &Path, folder: &Path) -> Result<()> {
    let mut fresh = Vec::new();
    for number in 0..STARTS {
        fresh.push(start(binary, &folder.join(format!("start-{number}"))).await?.1);
    }
    print_millis("start to ready, fresh data, median of 5", percentile(&mut fresh, 50));
    let mut existing = Vec::new();
    for _ in 0..STARTS {
        existing.push(start(binary, &folder.join("start-0")).await?.1);
    }
    print_millis("start to ready, existing data, median of 5", percentile(&mut existing, 50));
    let (server, _) = start(binary, &folder.join("start-0")).await?;
    tokio::time::sleep(IDLE).await;
    print_mib("memory of an idle control plane", server.process.memory()?);
    Ok(())
}

async fn start(binary: &Path, folder: &Path) -> Result<(Server, Duration)> {
    let begin = Instant::now();
    let server = Server::start(binary, folder, &[])?;
    server.ready().await?;
    Ok((server, begin.elapsed()))
}
