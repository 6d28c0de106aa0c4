//! Prints how fast the kernel is, one figure a line.

use std::time::Instant;

use kubernel_sim::{decline_offers, launches, placements, registrations, round};

/// The product's: what the kernel costs depends on it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Rounds of which the mean is told.
const ROUNDS: u32 = 10;

fn main() {
    // First, while the process holds nothing else that could be used again.
    let before = resident_mib();
    let mut cluster = placements(50_000, 100, 20_000);
    let placed = cluster.place(1_000_000);
    println!("kernel memory, 50000 agents, {placed} tasks: {} MiB", resident_mib().saturating_sub(before));
    drop(cluster);

    let mut cluster = placements(10_000, 100, 20_000);
    let start = Instant::now();
    let placed = cluster.place(500_000);
    let secs = start.elapsed().as_secs_f64();
    println!("kernel placements per second, 10000 agents, 100 roles: {:.0} ({placed} placed)", placed as f64 / secs);

    for per_answer in [1, 10, 100] {
        let mut cluster = launches(1_000, per_answer);
        let start = Instant::now();
        let launched = cluster.run(200_000);
        let secs = start.elapsed().as_secs_f64();
        println!(
            "kernel launches per second, 1000 agents, {per_answer} tasks an answer, two updates each: {:.0}",
            launched as f64 / secs
        );
    }

    for (agents, frameworks) in [(1_000, 100), (5_000, 500), (10_000, 1_000), (20_000, 2_000), (50_000, 6_000)] {
        for own_roles in [false, true] {
            let roles = if own_roles { "own roles" } else { "one role" };
            let mut cluster = round(agents, frameworks, own_roles);
            let start = Instant::now();
            let offers = cluster.run();
            let first = start.elapsed().as_secs_f64();
            cluster.decline_all();
            let start = Instant::now();
            cluster.run();
            let again = start.elapsed().as_secs_f64();
            println!(
                "kernel allocation round, {agents} agents, {frameworks} frameworks, {roles}: \
                 {first:.3} s ({offers} offers), {again:.3} s after all declined"
            );
        }
    }

    for (agents, frameworks) in [(1_000, 100), (5_000, 500), (10_000, 1_000), (20_000, 2_000), (50_000, 6_000)] {
        let mut cluster = decline_offers(agents, frameworks);
        cluster.run();
        let mut secs = 0.0;
        for _ in 0..ROUNDS {
            cluster.decline_all();
            let start = Instant::now();
            cluster.run();
            secs += start.elapsed().as_secs_f64();
        }
        let mean = secs / f64::from(ROUNDS);
        println!(
            "kernel DeclineOffers, {agents} agents, {frameworks} frameworks: {mean:.3} s a round (mean of {ROUNDS})"
        );
    }

    let mut cluster = registrations(40_000, 10);
    let start = Instant::now();
    let tasks = cluster.run();
    println!("kernel re-registration, 40000 agents, {tasks} tasks: {:.3} s", start.elapsed().as_secs_f64());
    drop(cluster);
}

/// What the process holds of the machine's memory, as Linux says; 0 elsewhere.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
