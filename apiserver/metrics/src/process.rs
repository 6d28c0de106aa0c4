//! What the operating system knows of this process. The only part of this crate that looks anywhere.

use std::fs;

use crate::Page;

/// How many ticks the kernel counts in a second: `USER_HZ`, 100 on every architecture that we run on.
const TICKS_PER_SEC: f64 = 100.0;

/// Writes what `/proc` says; nothing where there is none.
pub fn write(page: &mut Page) {
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else { return };
    // The name in brackets may hold anything.
    let Some((_, rest)) = stat.rsplit_once(") ") else { return };
    let fields: Vec<f64> = rest.split(' ').map(|field| field.parse().unwrap_or_default()).collect();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or_default();
    page.counter("process_cpu_seconds_total", "Time that the processors spent on this process, in seconds.");
    page.sample(&[], (field(14) + field(15)) / TICKS_PER_SEC);
    page.gauge("process_resident_memory_bytes", "Memory that is in use, in bytes.");
    page.sample(&[], resident_bytes());
    page.gauge("process_virtual_memory_bytes", "Addresses that are in use, in bytes.");
    page.sample(&[], field(23));
    page.gauge("process_start_time_seconds", "When the process began, in seconds since 1970.");
    page.sample(&[], boot_secs() + field(22) / TICKS_PER_SEC);
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        page.gauge("process_open_fds", "Open file descriptors.");
        page.sample(&[], open.count());
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    if let Some(most) = files.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()) {
        page.gauge("process_max_fds", "The most file descriptors that may be open.");
        page.sample(&[], most);
    }
}

/// How much memory is in use.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// When the machine began, in seconds since 1970.
fn boot_secs() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok()).unwrap_or_default()
}
