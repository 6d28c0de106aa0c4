//! What tells amounts of one name from each other: reserved or not, a volume, revocable, shared.
//!
//! Each distinct kind gets a number ([`crate::ResourceId`]); an amount of it is then an amount like any other. So a
//! reservation turns amounts of one number into amounts of another, and the ledger stays one ledger.

use std::{fmt, sync::Arc};

/// A kind of resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// `cpu`, `memory`, `ports`, `example.com/gpu`.
    pub name: Arc<str>,
    /// Whether it is counted or consists of items.
    pub shape: Shape,
    /// For whom it is kept, the most general reservation first (Mesos' stack); none: for nobody.
    pub reservations: Vec<Reservation>,
    /// Of which disk it is, if not of the machine's own.
    pub disk: Option<Disk>,
    /// It may be taken back at any time (oversubscription).
    pub revocable: bool,
    /// Several tasks may use it at once (persistent volumes only).
    pub shared: bool,
    /// The resource provider it belongs to, if not the agent itself.
    pub provider: Option<Arc<str>>,
}

/// How a resource is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Any amount of it may be taken.
    #[default]
    Scalar,
    /// It consists of numbers, such as ports.
    Ranges,
    /// It consists of named items, each of which has a number ([`crate::Names::item`]).
    Set,
}

/// Keeps resources for a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reservation {
    /// Made by RESERVE; otherwise it came with the agent and stays.
    pub dynamic: bool,
    /// For whom: the role and those below it.
    pub role: Arc<str>,
    /// Who made it.
    pub principal: Option<Arc<str>>,
    /// What its maker noted on it.
    pub labels: Vec<(Arc<str>, Option<Arc<str>>)>,
}

/// A disk, or a volume on one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Disk {
    /// The persistent volume, if it was made one.
    pub volume: Option<Volume>,
    /// The disk; `None`: the machine's root file system.
    pub source: Option<Source>,
}

/// A persistent volume: data that outlives tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Volume {
    /// Unique among the volumes of a role on an agent.
    pub id: Arc<str>,
    /// Who made it.
    pub principal: Option<Arc<str>>,
    /// Where tasks see it.
    pub container_path: Arc<str>,
    /// Tasks may only read it.
    pub read_only: bool,
}

/// A disk of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// What it is.
    pub form: SourceForm,
    /// Where it is mounted.
    pub root: Option<Arc<str>>,
    /// Its identifier with the one who provides it.
    pub id: Option<Arc<str>>,
    /// The class of disk.
    pub profile: Option<Arc<str>>,
}

/// What a disk of its own is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceForm {
    /// A directory: may be divided.
    Path,
    /// A whole file system: all or nothing.
    Mount,
    /// A block device: all or nothing.
    Block,
    /// Not made into one of the others yet.
    Raw,
}

impl Kind {
    /// The kind of which everybody may take any amount.
    pub fn plain(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            shape: Shape::Scalar,
            reservations: Vec::new(),
            disk: None,
            revocable: false,
            shared: false,
            provider: None,
        }
    }

    /// Whether it is told by its name alone.
    pub fn is_plain(&self) -> bool {
        *self == Self::plain(self.name.clone())
    }

    /// The role it is kept for.
    pub fn role(&self) -> Option<&Arc<str>> {
        self.reservations.last().map(|reservation| &reservation.role)
    }

    /// Whether the last reservation was made by RESERVE.
    pub fn is_dynamic(&self) -> bool {
        self.reservations.last().is_some_and(|reservation| reservation.dynamic)
    }

    /// Whether one reservation lies on another.
    pub fn is_refined(&self) -> bool {
        self.reservations.len() > 1
    }

    /// The persistent volume that it is.
    pub fn volume(&self) -> Option<&Volume> {
        self.disk.as_ref()?.volume.as_ref()
    }

    /// Whether it can only be taken as a whole.
    pub fn is_whole(&self) -> bool {
        let source = self.disk.as_ref().and_then(|disk| disk.source.as_ref());
        self.volume().is_some() || source.is_some_and(|source| source.form != SourceForm::Path)
    }

    /// Whether a role may have it: it is kept for nobody, for that role or for one above it.
    pub fn is_for(&self, role: &str) -> bool {
        self.role().is_none_or(|kept| is_below_or(role, kept))
    }
}

/// Whether a role is another or lies below it.
pub(crate) fn is_below_or(role: &str, above: &str) -> bool {
    role.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl fmt::Display for Kind {
    /// Near what Mesos prints: `disk(reservations: [(DYNAMIC,role,me)])[id1:data]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.reservations.is_empty() {
            f.write_str("(reservations: [")?;
            for (at, reservation) in self.reservations.iter().enumerate() {
                let form = if reservation.dynamic { "DYNAMIC" } else { "STATIC" };
                write!(f, "{}({form},{}", if at == 0 { "" } else { "," }, reservation.role)?;
                if let Some(principal) = &reservation.principal {
                    write!(f, ",{principal}")?;
                }
                f.write_str(")")?;
            }
            f.write_str("])")?;
        }
        if let Some(volume) = self.volume() {
            write!(f, "[{}:{}]", volume.id, volume.container_path)?;
        }
        f.write_str(if self.revocable { "{REV}" } else { "" })?;
        f.write_str(if self.shared { "<SHARED>" } else { "" })
    }
}
