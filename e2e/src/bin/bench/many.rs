//! What 100,000 objects cost: memory of each, and how fast a LIST of all of them comes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;

use crate::create::{CLIENTS, Load};
use crate::figures::{percentile, print, print_mib, print_millis};
use crate::objects::{CONFIG_MAPS, config_map};
use kubernel_e2e::Result;
use kubernel_e2e::client::{Target, read};
use kubernel_e2e::process::Process;

const COUNT: usize = 100_000;
const TIME: Duration = Duration::from_secs(60);
const LISTS: usize = 3;

/// Measures.
pub(crate) async fn run(target: &Target, server: &Process) -> Result<()> {
    let before = server.memory()?;
    let load =
        Load { clients: CLIENTS, path: CONFIG_MAPS, prefix: "many", object: config_map, count: COUNT, time: TIME };
    let made = load.run(target).await?.latencies.len();
    let after = server.memory()?;
    print_mib(&format!("memory of the API with {made} ConfigMaps of 1 KB"), after);
    print("memory of a stored ConfigMap of 1 KB", after.saturating_sub(before) / made.max(1) as u64, "bytes");
    let mut client = target.connect().await?;
    let mut times = Vec::new();
    let mut length = 0;
    for _ in 0..LISTS {
        let begin = Instant::now();
        length = read(client.open(Method::GET, CONFIG_MAPS, Bytes::new()).await?.into_body()).await?;
        times.push(begin.elapsed());
    }
    let median = percentile(&mut times, 50);
    let name = format!("LIST of {made} ConfigMaps");
    print_millis(&format!("{name}, median of {LISTS}"), median);
    print(&name, format_args!("{:.0}", length as f64 / f64::from(1 << 20) / median.as_secs_f64()), "MiB per second");
    print_mib("memory of the API after those LISTs", server.memory()?);
    Ok(())
}
