//! What goes wrong with simulated nodes, and when.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::gate::Gate;

/// How nodes fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// They say nothing and hear nothing for a while, as if cut off; what runs on them runs on.
    Hang,
    /// They hang, are well for as long, hang again, and so on.
    Flap,
    /// They are gone for a while; when they come back nothing runs on them.
    Crash,
    /// Each of their requests takes so long, from then on.
    Slow,
    /// They say for a while that their disk is full.
    DiskFull,
}

/// One line of the script: `KIND=NODES@AFTER+FOR`, such as `crash=10@30s+20s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How.
    pub kind: FailureKind,
    /// How many nodes: those with the lowest numbers.
    pub nodes: u32,
    /// How long after the start.
    pub after: Duration,
    /// For how long; of [`FailureKind::Slow`] how slow.
    pub lasts: Duration,
}

impl FromStr for Failure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?}: want KIND=NODES@AFTER+FOR, such as crash=10@30s+20s");
        let (kind, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (nodes, rest) = rest.split_once('@').ok_or_else(wrong)?;
        let (after, lasts) = rest.split_once('+').ok_or_else(wrong)?;
        let kind = match kind {
            "hang" => FailureKind::Hang,
            "flap" => FailureKind::Flap,
            "crash" => FailureKind::Crash,
            "slow" => FailureKind::Slow,
            "disk-full" => FailureKind::DiskFull,
            other => return Err(format!("{other:?}: nodes hang, flap, crash, are slow or have a disk-full")),
        };
        let time = |text: &str| -> Result<Duration, String> {
            let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
            let number: u64 = digits.parse().map_err(|_| wrong())?;
            match unit {
                "ms" => Ok(Duration::from_millis(number)),
                "s" => Ok(Duration::from_secs(number)),
                "m" => Ok(Duration::from_secs(number * 60)),
                _ => Err(wrong()),
            }
        };
        let nodes = nodes.parse().map_err(|_| wrong())?;
        Ok(Self { kind, nodes, after: time(after)?, lasts: time(lasts)? })
    }
}

/// What a node has to see to after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aftermath {
    /// It missed what happened.
    Missed(u32),
    /// It lost all that ran on it, and missed what happened.
    Lost(u32),
}

/// Plays one line of the script.
pub(super) async fn play(
    failure: Failure,
    gates: Vec<(u32, Arc<Gate>)>,
    tell: mpsc::Sender<Aftermath>,
    shutdown: CancellationToken,
) {
    let begin = Instant::now() + failure.after;
    let script = async {
        sleep_until(begin).await;
        tracing::info!(kind = ?failure.kind, nodes = gates.len(), "nodes fail");
        loop {
            for (_, gate) in &gates {
                match failure.kind {
                    FailureKind::Slow => gate.slow(failure.lasts),
                    FailureKind::DiskFull => gate.fill_disk(true),
                    FailureKind::Hang | FailureKind::Flap | FailureKind::Crash => gate.shut(),
                }
            }
            if failure.kind == FailureKind::Slow {
                return;
            }
            sleep(failure.lasts).await;
            for (number, gate) in &gates {
                let aftermath = match failure.kind {
                    FailureKind::Slow => continue,
                    FailureKind::DiskFull => {
                        gate.fill_disk(false);
                        continue;
                    }
                    FailureKind::Hang | FailureKind::Flap => Aftermath::Missed(*number),
                    FailureKind::Crash => Aftermath::Lost(*number),
                };
                gate.open();
                // Nobody hears it where all ends.
                let _ = tell.send(aftermath).await;
            }
            tracing::info!(kind = ?failure.kind, nodes = gates.len(), "nodes are well again");
            if failure.kind != FailureKind::Flap {
                return;
            }
            sleep(failure.lasts).await;
        }
    };
    tokio::select! { () = script => {}, () = shutdown.cancelled() => {} }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts() {
        let failure = |kind, nodes, after_secs, lasts_ms| Failure {
            kind,
            nodes,
            after: Duration::from_secs(after_secs),
            lasts: Duration::from_millis(lasts_ms),
        };
        let good = [
            ("crash=10@30s+20s", failure(FailureKind::Crash, 10, 30, 20_000)),
            ("slow=1@0s+250ms", failure(FailureKind::Slow, 1, 0, 250)),
            ("flap=3@1m+5s", failure(FailureKind::Flap, 3, 60, 5_000)),
            ("disk-full=2@1s+1m", failure(FailureKind::DiskFull, 2, 1, 60_000)),
        ];
        for (text, wanted) in good {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
        for text in
            ["", "crash", "crash=1", "crash=1@2s", "crash=x@1s+1s", "crash=1@1+1s", "crash=1@1h+1s", "burn=1@1s+1s"]
        {
            assert!(text.parse::<Failure>().is_err(), "{text}");
        }
    }
}
