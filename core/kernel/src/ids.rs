//! Identifiers (counted from 1, never used twice) and the kernel's time.

use std::fmt;

macro_rules! id {
    ($name:ident, $inner:ty, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(AgentId, u32, "a", "A machine.");
id!(RoleId, u32, "r", "A role.");
id!(FrameworkId, u32, "f", "A framework.");
id!(OfferId, u64, "o", "An offer.");
id!(TaskId, u64, "t", "A task.");
id!(ResourceId, u32, "res", "A kind of resource; the number is its place in [`crate::Names`].");

/// Milliseconds since whatever the driver counts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// This much later; the end of time rather than an overflow.
    #[must_use]
    pub fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl RoleId {
    /// The root of the tree: everything. It is nobody's role.
    pub const ROOT: Self = Self(0);
}
