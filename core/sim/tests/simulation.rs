//! Many random worlds, small and short, each with every invariant checked after every event.

use std::collections::HashSet;

use kubernel_kernel::Mode;
use kubernel_sim::{run, split};

/// So many kinds of events happen at least in the few worlds of this test.
const EVENTS: usize = 38;

#[test]
fn invariants_hold_in_random_worlds() {
    let seeds = std::env::var("KUBERNEL_SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    let (mut started, mut seen) = (0, HashSet::new());
    for seed in 0..seeds {
        match run(seed, 250) {
            Ok(outcome) => {
                started += outcome.started;
                seen.extend(outcome.seen);
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(started > seeds, "only {started} tasks were ever started: the worlds are too quiet to show anything");
    assert!(seen.len() >= EVENTS, "only {} kinds of events ever happened", seen.len());
}

#[test]
fn same_seed_same_events() {
    assert_eq!(run(7, 150).unwrap(), run(7, 150).unwrap());
    assert_ne!(run(7, 150).unwrap().hash, run(8, 150).unwrap().hash);
}

#[test]
fn shares_follow_weights() {
    let pairs = [[Mode::Claims; 2], [Mode::Offers; 2], [Mode::Claims, Mode::Offers]];
    for modes in pairs {
        let split = split(1, 12, [1_000, 3_000], modes);
        let ratio = split.second as f64 / split.first as f64;
        assert!((2.5..3.6).contains(&ratio), "{modes:?}: {split:?}, a ratio of {ratio}");
        assert!(split.first + split.second > 850_000, "{modes:?}: {split:?} leaves too much unused");
    }
    let one_machine = split(1, 1, [1_000, 3_000], [Mode::Claims; 2]);
    assert_eq!(one_machine.second, 3 * one_machine.first, "{one_machine:?}");
}
