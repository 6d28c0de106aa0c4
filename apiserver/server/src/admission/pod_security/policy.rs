//! A namespace's policy: the labels `pod-security.kubernetes.io/…`.

use std::fmt;

use kubernel_meta::{Object, field};

use super::pod::Pod;
use super::standard::{self, Violation};

const PREFIX: &str = "pod-security.kubernetes.io/";

/// What a namespace demands of its Pods. Without labels: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) enforce: Standard,
    pub(super) warn: Standard,
}

/// A level in a version: `restricted:v1.30`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standard {
    pub(super) level: Level,
    pub(super) version: Version,
}

/// How strict; each level allows less than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    #[default]
    Privileged,
    Baseline,
    Restricted,
}

/// The release whose checks count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    #[default]
    Latest,
    /// `v1.N`.
    Minor(u32),
}

impl Policy {
    /// The policy that a namespace's labels say, and what is wrong with them. A wrong `enforce` counts as the strictest
    /// level, a wrong `warn` as the laxest.
    pub(super) fn parse(namespace: &Object) -> (Self, Vec<field::Error>) {
        let (mut policy, mut wrong) = (Self::default(), Vec::new());
        let label = |name: &str| {
            let key = format!("{PREFIX}{name}");
            namespace.labels().find(|(label, _)| *label == key).map(|(_, value)| value.to_owned())
        };
        let mut refuse = |name: &str, value: &str, detail: &str| {
            let path = field::Path::root("metadata").child("labels").key(&format!("{PREFIX}{name}"));
            wrong.push(path.invalid(value, detail));
        };
        for (mode, fallback) in
            [("enforce", Level::Restricted), ("audit", Level::Privileged), ("warn", Level::Privileged)]
        {
            let mut standard = Standard::default();
            if let Some(text) = label(mode) {
                standard.level = Level::parse(&text).unwrap_or_else(|| {
                    refuse(mode, &text, "must be one of privileged, baseline, restricted");
                    fallback
                });
            }
            let name = format!("{mode}-version");
            if let Some(text) = label(&name) {
                standard.version = Version::parse(&text).unwrap_or_else(|| {
                    refuse(&name, &text, "must be \"latest\" or \"v1.x\"");
                    Version::Latest
                });
            }
            match mode {
                "enforce" => policy.enforce = standard,
                "warn" => policy.warn = standard,
                _ => {}
            }
        }
        (policy, wrong)
    }
}

impl Standard {
    /// What of it the Pod violates.
    pub(super) fn violations(&self, pod: &Pod<'_>) -> Vec<Violation> {
        standard::evaluate(self.level, self.version, pod)
    }
}

impl Level {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "privileged" => Some(Self::Privileged),
            "baseline" => Some(Self::Baseline),
            "restricted" => Some(Self::Restricted),
            _ => None,
        }
    }
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self::Latest);
        }
        let digits = text.strip_prefix("v1.")?;
        let canonical = digits == "0" || !digits.starts_with('0');
        let minor = digits.parse().ok().filter(|_| canonical && digits.bytes().all(|b| b.is_ascii_digit()))?;
        Some(Self::Minor(minor))
    }
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        match self.version {
            Version::Latest => write!(f, "{level}:latest"),
            Version::Minor(minor) => write!(f, "{level}:v1.{minor}"),
        }
    }
}
