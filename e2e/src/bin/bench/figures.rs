//! Figures and how they are printed.

use std::fmt::Display;
use std::time::Duration;

/// Prints one figure.
pub(crate) fn print(name: &str, value: impl Display, unit: &str) {
    println!("{name}: {value} {unit}");
}

/// Prints a duration in milliseconds.
pub(crate) fn print_millis(name: &str, value: Duration) {
    print(name, format_args!("{:.2}", value.as_secs_f64() * 1e3), "ms");
}

/// Prints how many a second.
pub(crate) fn print_rate(name: &str, count: usize, elapsed: Duration) {
    print(name, format_args!("{:.0}", count as f64 / elapsed.as_secs_f64()), "per second");
}

/// Prints bytes as MiB.
pub(crate) fn print_mib(name: &str, bytes: u64) {
    print(name, format_args!("{:.1}", bytes as f64 / f64::from(1 << 20)), "MiB");
}

/// Prints the middle and the slowest hundredth.
pub(crate) fn print_spread(name: &str, samples: &mut [Duration]) {
    print_millis(&format!("{name}, p50"), percentile(samples, 50));
    print_millis(&format!("{name}, p99"), percentile(samples, 99));
}

/// The sample that `percent` of all samples do not exceed; zero where there is none.
pub(crate) fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    let index = (samples.len() * percent).div_ceil(100).saturating_sub(1);
    samples.get(index).copied().unwrap_or_default()
}
