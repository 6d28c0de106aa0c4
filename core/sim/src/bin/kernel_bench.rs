//! Prints how fast the kernel is, one figure a line.

use std::time::Instant;

use kubernel_sim::{placements, round};

fn main() {
    let mut cluster = placements(10_000, 100, 20_000);
    let start = Instant::now();
    let placed = cluster.place(500_000);
    let secs = start.elapsed().as_secs_f64();
    println!("kernel placements per second, 10000 agents, 100 roles: {:.0} ({placed} placed)", placed as f64 / secs);

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
}
