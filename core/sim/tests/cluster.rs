//! Clusters with failing masters, agents, disks, frameworks and networks, few and in short; `make bench-sim` runs many.

use kubernel_sim::run_cluster;

#[test]
fn clusters_come_to_rest_after_all_that_goes_wrong() {
    let seeds = std::env::var("KUBERNEL_SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let (mut started, mut masters) = (0, 0);
    for seed in 0..seeds {
        let outcome = run_cluster(seed).unwrap_or_else(|failure| panic!("{failure}"));
        started += outcome.started;
        masters += outcome.masters;
    }
    assert!(
        started > 10 * seeds,
        "only {started} tasks were ever started: the clusters are too quiet to show anything"
    );
    assert!(masters > seeds, "no master ever failed");
}

#[test]
fn same_seed_same_events() {
    assert_eq!(run_cluster(3).unwrap(), run_cluster(3).unwrap());
    assert_ne!(run_cluster(3).unwrap().hash, run_cluster(4).unwrap().hash);
}
