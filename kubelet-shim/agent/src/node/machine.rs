//! What the machine is: its size and its names, read from /proc and /sys.

use std::path::Path;

/// A machine as the Node object describes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    pub(crate) cpus: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) storage_bytes: u64,
    pub(crate) machine_id: String,
    pub(crate) system_uuid: String,
    pub(crate) boot_id: String,
    pub(crate) kernel: String,
    pub(crate) os_image: String,
}

/// Reads this machine; what cannot be read stays empty. `data_dir` is on the file system that Pods fill.
pub(crate) fn read(data_dir: &Path) -> Machine {
    let text = |path: &str| std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    let machine_id = text("/etc/machine-id");
    let uuid = text("/sys/class/dmi/id/product_uuid");
    let os_release = text("/etc/os-release");
    let os_image = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    Machine {
        cpus: std::thread::available_parallelism().map_or(1, |count| count.get() as u64),
        memory_bytes: memory(&text("/proc/meminfo"), "MemTotal:"),
        storage_bytes: storage(data_dir).0,
        system_uuid: if uuid.is_empty() { machine_id.clone() } else { uuid },
        machine_id,
        boot_id: text("/proc/sys/kernel/random/boot_id"),
        kernel: text("/proc/sys/kernel/osrelease"),
        os_image: os_image.unwrap_or("Linux").trim_matches('"').to_owned(),
    }
}

/// Bytes of one line of /proc/meminfo.
pub(crate) fn memory(meminfo: &str, key: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// Capacity and free bytes of a file system. Blocks that are free but reserved for root are neither, as in `df`.
pub(crate) fn storage(path: &Path) -> (u64, u64) {
    let Ok(stat) = rustix::fs::statvfs(path) else { return (0, 0) };
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    (bytes(used.saturating_add(stat.f_bavail)), bytes(stat.f_bavail))
}

/// Go's name of this architecture.
pub(crate) fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
