//! What masters, agents and frameworks say to each other.

use std::sync::Arc;

use kubernel_kernel::{FrameworkId, Millis, OfferId, Resources, Running, Status, Update};

/// Who speaks or is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Address {
    Master,
    Agent(usize),
    Framework(usize),
}

/// A task: whose, and the name it was given.
pub(crate) type Key = (FrameworkId, Arc<str>);

/// Something said in a session; numbered where order is kept and nothing may be missing, as on a connection.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) session: u64,
    pub(crate) number: Option<u64>,
    pub(crate) body: Body,
}

/// What is said.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Somebody is there.
    Beat,
    /// An agent comes, with what it runs.
    Register { total: Resources, tasks: Vec<Running> },
    /// An agent says how a task is.
    Report { key: Key, update: Box<Update> },
    /// To an agent: it is known now.
    Registered,
    /// To an agent: run this.
    Launch { key: Key, role: Arc<str>, resources: Resources },
    /// To an agent: end this.
    Kill(Key),
    /// To an agent: the framework knows of this update.
    Acknowledged { key: Key, uuid: u128 },
    /// To an agent: end all that this framework has.
    ShutdownFramework(FrameworkId),
    /// To an agent: it was marked gone, and is to end.
    Shutdown,
    /// A framework comes, or comes back.
    Subscribe(Option<FrameworkId>),
    /// A framework wants something.
    Call(Call),
    /// To a framework: it is subscribed.
    Subscribed(FrameworkId),
    /// To a framework: offers of agents.
    Offers(Vec<(OfferId, Resources)>),
    /// To a framework: an offer is void.
    Rescinded(OfferId),
    /// To a framework: how a task is.
    Status(Box<Status>, Option<Arc<str>>),
    /// To a framework: it was removed.
    Removed,
}

/// What a framework wants.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Accept { offer: OfferId, tasks: Vec<(Arc<str>, Resources)>, filter_ms: u64 },
    Decline { offer: OfferId, filter_ms: u64 },
    Acknowledge { agent: Arc<str>, name: Arc<str>, uuid: u128 },
    Kill(Arc<str>),
    Reconcile(Vec<(Arc<str>, Option<Arc<str>>)>),
    Revive,
    Suppress,
}

/// One end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) session: u64,
    sent: u64,
    heard: u64,
    pub(crate) heard_at: Millis,
}

impl Link {
    pub(crate) fn new(session: u64, now: Millis) -> Self {
        Self { session, sent: 0, heard: 0, heard_at: now }
    }

    /// The next thing to say on it.
    pub(crate) fn frame(&mut self, body: Body) -> Frame {
        self.sent += 1;
        Frame { session: self.session, number: Some(self.sent), body }
    }

    /// Takes what came; `false`: something is missing, the connection is broken.
    pub(crate) fn hear(&mut self, frame: &Frame, now: Millis) -> bool {
        self.heard_at = now;
        self.heard += u64::from(frame.number.is_some());
        frame.number.is_none_or(|number| number == self.heard)
    }
}
