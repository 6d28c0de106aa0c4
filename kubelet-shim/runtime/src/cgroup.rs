//! Pod cgroups: their names, their limits and their removal, on cgroup v1 (also hybrid) and v2 behind one face.
//!
//! The runtime makes a container's cgroup below the parent we name, and the parent too. It leaves the parent behind,
//! and it puts no limits on it: both are done here.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal};

/// The v1 hierarchies in which runc makes a container's cgroup.
const V1_CONTROLLERS: [&str; 13] = [
    "blkio",
    "cpu",
    "cpuacct",
    "cpuset",
    "devices",
    "freezer",
    "hugetlb",
    "memory",
    "net_cls",
    "net_prio",
    "perf_event",
    "pids",
    "systemd",
];

/// Where a cgroup lists its processes.
const PROCS: &str = "cgroup.procs";
/// The v1 hierarchies, and the v2 controllers, that a process of ours is put into.
const OWN_CONTROLLERS: [&str; 4] = ["cpu", "cpuacct", "memory", "pids"];

/// Limits of a whole Pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodLimits {
    /// Relative weight, as cpu.shares (2 to 262144).
    pub cpu_shares: u64,
    /// Microseconds of CPU per 100 ms; none for no limit.
    pub cpu_quota_us: Option<u64>,
    /// Bytes of memory; none for no limit.
    pub memory_bytes: Option<u64>,
}

/// What a cgroup has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in nanoseconds since the cgroup was made.
    pub cpu_ns: u64,
    /// Bytes in use, page cache included.
    pub memory_bytes: u64,
    /// Bytes in use that cannot be dropped at once (usage without inactive file pages).
    pub memory_working_set_bytes: u64,
}

/// The cgroup file system of this machine.
#[derive(Clone, Debug)]
pub struct Cgroups {
    mount: PathBuf,
    v2: bool,
}

impl Cgroups {
    /// The one at `/sys/fs/cgroup`.
    pub fn system() -> Self {
        Self::at("/sys/fs/cgroup")
    }

    /// One mounted elsewhere. It is v2 when its root lists its controllers.
    pub fn at(mount: impl Into<PathBuf>) -> Self {
        let mount = mount.into();
        let v2 = mount.join("cgroup.controllers").exists();
        Self { mount, v2 }
    }

    /// Puts a Pod's limits on its cgroup, which the runtime has made. A controller that is missing is left alone.
    pub fn limit(&self, cgroup: &str, limits: &PodLimits) {
        let write = |controller: &str, file: &str, text: String| {
            let path = self.folder(controller, cgroup).join(file);
            if path.exists()
                && let Err(error) = std::fs::write(&path, text)
            {
                tracing::debug!(path = %path.display(), %error, "a cgroup limit was refused");
            }
        };
        if self.v2 {
            // The mapping of shares to weights is the one runc uses.
            let weight = 1 + (limits.cpu_shares.clamp(2, 262_144) - 2) * 9999 / 262_142;
            write("", "cpu.weight", weight.to_string());
            let quota = limits.cpu_quota_us.map_or_else(|| "max".to_owned(), |us| us.to_string());
            write("", "cpu.max", format!("{quota} 100000"));
            write("", "memory.max", limits.memory_bytes.map_or_else(|| "max".to_owned(), |bytes| bytes.to_string()));
        } else {
            write("cpu", "cpu.shares", limits.cpu_shares.clamp(2, 262_144).to_string());
            if let Some(us) = limits.cpu_quota_us {
                write("cpu", "cpu.cfs_period_us", "100000".into());
                write("cpu", "cpu.cfs_quota_us", us.to_string());
            }
            if let Some(bytes) = limits.memory_bytes {
                write("memory", "memory.limit_in_bytes", bytes.to_string());
            }
        }
    }

    /// Makes a cgroup where no runtime does it; the answer are the files that take processes into it, none where this
    /// machine does not let us.
    pub fn make(&self, cgroup: &str) -> Vec<PathBuf> {
        if !self.v2 {
            let mounted = OWN_CONTROLLERS.iter().filter(|controller| self.mount.join(controller).is_dir());
            let folders = mounted.map(|controller| self.folder(controller, cgroup));
            return folders.filter_map(|dir| make_dir(&dir)).collect();
        }
        let mut dir = self.mount.clone();
        for part in cgroup.split('/').filter(|part| !part.is_empty()) {
            for controller in OWN_CONTROLLERS {
                // One that is not there, or not ours to give, puts no limit.
                let _ = std::fs::write(dir.join("cgroup.subtree_control"), format!("+{controller}"));
            }
            dir.push(part);
            if make_dir(&dir).is_none() {
                return Vec::new();
            }
        }
        make_dir(&dir).into_iter().collect()
    }

    /// How often the kernel ended a process of a cgroup because it had no memory left.
    pub fn oom_kills(&self, cgroup: &str) -> u64 {
        let file = if self.v2 {
            self.folder("", cgroup).join("memory.events")
        } else {
            self.folder("memory", cgroup).join("memory.oom_control")
        };
        std::fs::read_to_string(file).ok().and_then(|text| keyed(&text, "oom_kill ")).unwrap_or(0)
    }

    /// Ends whatever is in a cgroup.
    pub fn kill(&self, cgroup: &str) {
        let hierarchies = if self.v2 { [""].iter() } else { OWN_CONTROLLERS.iter() };
        for controller in hierarchies {
            let text = std::fs::read_to_string(self.folder(controller, cgroup).join(PROCS)).unwrap_or_default();
            for pid in text.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)) {
                // One that is gone by now needs no end.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
    }

    /// Removes a Pod's cgroup, from every hierarchy. One that is gone or still in use is skipped.
    pub fn remove(&self, cgroup: &str) {
        if self.v2 {
            remove_tree(&self.folder("", cgroup));
            return;
        }
        for controller in V1_CONTROLLERS.iter().chain(&["unified"]) {
            remove_tree(&self.folder(controller, cgroup));
        }
    }

    /// What a cgroup has used, if it is there.
    pub fn usage(&self, cgroup: &str) -> Option<Usage> {
        let number = |path: PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        let (cpu_ns, memory, stat) = if self.v2 {
            let dir = self.folder("", cgroup);
            let cpu = std::fs::read_to_string(dir.join("cpu.stat")).ok()?;
            (
                keyed(&cpu, "usage_usec")?.saturating_mul(1000),
                number(dir.join("memory.current")),
                dir.join("memory.stat"),
            )
        } else {
            let cpu = number(self.folder("cpuacct", cgroup).join("cpuacct.usage"))?;
            let dir = self.folder("memory", cgroup);
            (cpu, number(dir.join("memory.usage_in_bytes")), dir.join("memory.stat"))
        };
        let memory_bytes = memory.unwrap_or(0);
        let key = if self.v2 { "inactive_file" } else { "total_inactive_file" };
        let inactive = std::fs::read_to_string(stat).ok().and_then(|text| keyed(&text, key)).unwrap_or(0);
        Some(Usage { cpu_ns, memory_bytes, memory_working_set_bytes: memory_bytes.saturating_sub(inactive) })
    }

    fn folder(&self, controller: &str, cgroup: &str) -> PathBuf {
        let relative = cgroup.trim_start_matches('/');
        if controller.is_empty() { self.mount.join(relative) } else { self.mount.join(controller).join(relative) }
    }
}

fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
}

/// The file that takes processes into a new cgroup.
fn make_dir(dir: &Path) -> Option<PathBuf> {
    match std::fs::create_dir_all(dir) {
        Ok(()) => Some(dir.join(PROCS)).filter(|file| file.exists()),
        Err(error) => {
            tracing::debug!(path = %dir.display(), %error, "a cgroup could not be made");
            None
        }
    }
}

/// cgroup folders hold files that cannot be removed; only `rmdir`, deepest first, works.
fn remove_tree(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path());
        }
    }
    let _ = std::fs::remove_dir(dir);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn usage_on_both_versions() {
        let v1 = tree(&[
            ("cpuacct/p/cpuacct.usage", "5000\n"),
            ("memory/p/memory.usage_in_bytes", "100\n"),
            ("memory/p/memory.stat", "cache 9\ninactive_file 1\ntotal_inactive_file 30\n"),
        ]);
        let v2 = tree(&[
            ("cgroup.controllers", ""),
            ("p/cpu.stat", "usage_usec 5\nuser_usec 1\n"),
            ("p/memory.current", "100\n"),
            ("p/memory.stat", "anon 1\ninactive_file 30\n"),
        ]);
        let expected = Usage { cpu_ns: 5000, memory_bytes: 100, memory_working_set_bytes: 70 };
        assert_eq!(Cgroups::at(v1.path()).usage("/p"), Some(expected));
        assert_eq!(Cgroups::at(v2.path()).usage("/p"), Some(expected));
        assert_eq!(Cgroups::at(v2.path()).usage("/q"), None);
    }

    #[test]
    fn limits_on_both_versions() {
        let limits = PodLimits { cpu_shares: 1024, cpu_quota_us: Some(50_000), memory_bytes: None };
        let v1 = tree(&[
            ("cpu/p/cpu.shares", "2"),
            ("cpu/p/cpu.cfs_quota_us", "-1"),
            ("cpu/p/cpu.cfs_period_us", "100000"),
            ("memory/p/memory.limit_in_bytes", "7"),
        ]);
        Cgroups::at(v1.path()).limit("/p", &limits);
        let read = |dir: &tempfile::TempDir, path: &str| std::fs::read_to_string(dir.path().join(path)).unwrap();
        assert_eq!(read(&v1, "cpu/p/cpu.shares"), "1024");
        assert_eq!(read(&v1, "cpu/p/cpu.cfs_quota_us"), "50000");
        assert_eq!(read(&v1, "memory/p/memory.limit_in_bytes"), "7");
        let v2 = tree(&[("cgroup.controllers", ""), ("p/cpu.weight", ""), ("p/cpu.max", ""), ("p/memory.max", "7")]);
        Cgroups::at(v2.path()).limit("/p", &limits);
        assert_eq!(read(&v2, "p/cpu.weight"), "39");
        assert_eq!(read(&v2, "p/cpu.max"), "50000 100000");
        assert_eq!(read(&v2, "p/memory.max"), "max");
    }
}
