//! What an agent says of itself besides its resources.

use std::sync::Arc;

use crate::Ranges;

/// What an agent says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Traits {
    /// Its name in the network, if not its own name.
    pub hostname: Option<Arc<str>>,
    /// Named values, in the order in which they were given.
    pub attributes: Vec<(Arc<str>, Attribute)>,
    /// Where it stands.
    pub domain: Option<Domain>,
    /// What it does not know how to do.
    pub lacks: Lacks,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// A text.
    Text(Arc<str>),
    /// A number in thousandths.
    Scalar(i64),
    /// Numbers.
    Ranges(Ranges),
    /// Names.
    Set(Vec<Arc<str>>),
}

/// A fault domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain {
    /// Far from other regions.
    pub region: Arc<str>,
    /// Fails independently of other zones.
    pub zone: Arc<str>,
}

/// What an old agent cannot do; every other can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lacks {
    /// Serve frameworks in several roles.
    pub multi_role: bool,
    /// Serve roles below others.
    pub hierarchical_role: bool,
    /// Hold a reservation on a reservation.
    pub reservation_refinement: bool,
    /// Change the size of a volume.
    pub resize_volume: bool,
}

impl Traits {
    /// The first attribute of a name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(own, _)| &**own == name).map(|(_, value)| value)
    }
}
