//! How long a LIST of all Pods takes, until its last byte is here.

use std::time::Instant;

use bytes::Bytes;
use hyper::Method;

use crate::create::PODS_COUNT;
use crate::figures::{percentile, print, print_mib, print_millis};
use kubernel_e2e::Result;
use kubernel_e2e::client::{Target, read};
use kubernel_e2e::process::Process;

const LISTS: usize = 9;
const PAGE: usize = 500;

/// Measures, with the Pods that [`crate::create`] left behind.
pub(crate) async fn run(target: &Target, server: &Process) -> Result<()> {
    print_mib(&format!("memory of the API with {PODS_COUNT} Pods"), server.memory()?);
    let mut client = target.connect().await?;
    let mut times = Vec::new();
    let mut length = 0;
    for _ in 0..LISTS {
        let begin = Instant::now();
        let response = client.open(Method::GET, "/api/v1/pods", Bytes::new()).await?;
        length = read(response.into_body()).await?;
        times.push(begin.elapsed());
    }
    let name = format!("LIST of {PODS_COUNT} Pods");
    print(&format!("{name}, size"), length, "bytes");
    print_millis(&format!("{name}, first"), times.first().copied().unwrap_or_default());
    print_millis(&format!("{name}, median of {LISTS}"), percentile(&mut times, 50));
    let begin = Instant::now();
    let mut length = 0;
    let mut token = String::new();
    loop {
        let page = client.get(&format!("/api/v1/pods?limit={PAGE}{token}")).await?;
        length += page.len();
        match next(&page) {
            Some(next) => token = format!("&continue={next}"),
            None => break,
        }
    }
    let name = format!("LIST of {PODS_COUNT} Pods in pages of {PAGE}");
    print(&format!("{name}, size"), length, "bytes");
    print_millis(&name, begin.elapsed());
    print_mib("memory of the API after the LISTs", server.memory()?);
    Ok(())
}

/// Where the next page begins. It is looked for from the page's end, because parsing would be most of the measured time.
fn next(page: &[u8]) -> Option<&str> {
    const FIELD: &[u8] = br#""continue":""#;
    let start = page.windows(FIELD.len()).rposition(|window| window == FIELD)? + FIELD.len();
    let token = page[start..].split(|byte| *byte == b'"').next()?;
    std::str::from_utf8(token).ok().filter(|token| !token.is_empty())
}
