//! The table of all checks: which level and which versions they belong to.
//!
//! A version's checks are, of each row, those of the newest release that is not newer. `latest` and versions of the
//! future are the newest.

use super::pod::Pod;
use super::policy::{Level, Version};
use super::{baseline, restricted};

/// What a Pod violates.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Few words: `host namespaces`.
    pub(super) reason: &'static str,
    /// Who does what: `hostNetwork=true`.
    pub(super) detail: String,
}

/// The release that `latest` is, and any that is newer.
const LATEST: u32 = 36;

type Check = fn(&Pod<'_>) -> Option<Violation>;

/// A check with its releases.
struct Row {
    /// From this minor release on restricted has a check of its own in place of this one.
    replaced_from: u32,
    /// The minor release from which on each counts, oldest first.
    versions: &'static [(u32, Check)],
}

const fn row(versions: &'static [(u32, Check)]) -> Row {
    Row { replaced_from: u32::MAX, versions }
}

impl Row {
    const fn replaced_from(self, minor: u32) -> Self {
        Self { replaced_from: minor, versions: self.versions }
    }

    /// The newest of it that is not newer than the release.
    fn check(&self, minor: u32) -> Option<Check> {
        self.versions.iter().rev().find(|(from, _)| *from <= minor).map(|(_, check)| *check)
    }
}

/// In the order of upstream's check ids, which is the order in which violations are told.
static BASELINE: &[Row] = &[
    row(&[(0, baseline::app_armor)]),
    row(&[(0, baseline::capabilities)]).replaced_from(22),
    row(&[(0, baseline::host_namespaces)]),
    row(&[(0, baseline::host_path_volumes)]).replaced_from(0),
    row(&[(0, baseline::host_ports)]),
    row(&[(34, baseline::probe_hosts)]),
    row(&[(0, baseline::privileged)]),
    row(&[(0, baseline::proc_mount), (35, baseline::proc_mount_but_of_users)]).replaced_from(35),
    row(&[(0, baseline::se_linux_1_0), (31, baseline::se_linux_1_31)]),
    row(&[(0, baseline::seccomp_annotations), (19, baseline::seccomp)]).replaced_from(19),
    row(&[
        (0, baseline::sysctls_1_0),
        (27, baseline::sysctls_1_27),
        (29, baseline::sysctls_1_29),
        (32, baseline::sysctls_1_32),
    ]),
    row(&[(0, baseline::host_process)]),
];

static RESTRICTED: &[Row] = &[
    row(&[(8, restricted::privilege_escalation), (25, restricted::privilege_escalation_on_linux)]),
    row(&[(22, restricted::capabilities), (25, restricted::capabilities_on_linux)]),
    row(&[(35, baseline::proc_mount)]),
    row(&[(0, restricted::volumes)]),
    row(&[(0, restricted::run_as_non_root), (35, restricted::run_as_non_root_but_of_users)]),
    row(&[(23, restricted::run_as_user), (35, restricted::run_as_user_but_of_users)]),
    row(&[(19, restricted::seccomp), (25, restricted::seccomp_on_linux)]),
];

/// What of a level in a version the Pod violates, in the order in which it is told.
pub(super) fn evaluate(level: Level, version: Version, pod: &Pod<'_>) -> Vec<Violation> {
    let minor = match version {
        Version::Latest => LATEST,
        Version::Minor(minor) => minor.min(LATEST),
    };
    let restricted = level == Level::Restricted;
    let baseline =
        BASELINE.iter().filter(|row| level != Level::Privileged && !(restricted && row.replaced_from <= minor));
    let rows = baseline.chain(RESTRICTED.iter().filter(|_| restricted));
    rows.filter_map(|row| row.check(minor)).filter_map(|check| check(pod)).collect()
}

/// `host namespaces (hostNetwork=true), privileged (…)`.
pub(super) fn details(violations: &[Violation]) -> String {
    let text = |violation: &Violation| match violation.detail.as_str() {
        "" => violation.reason.to_owned(),
        detail => format!("{} ({detail})", violation.reason),
    };
    violations.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// `host namespaces, privileged`.
pub(super) fn reasons(violations: &[Violation]) -> String {
    violations.iter().map(|violation| violation.reason).collect::<Vec<_>>().join(", ")
}
