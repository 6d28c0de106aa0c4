//! What the door is told when it is made.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use crate::limits::Limits;

/// What the door is told when it is made.
#[derive(Clone, Debug)]
pub struct Config {
    /// The master's identifier; frameworks and offers are named after it. The same after every restart.
    pub master_id: String,
    /// Frameworks are numbered from here: beyond any number that was ever given, also of frameworks that are gone.
    pub first_framework: u32,
    /// The name under which the door is reached.
    pub hostname: String,
    /// The address under which the door is reached.
    pub ip: IpAddr,
    /// And its port.
    pub port: u16,
    /// The Mesos version that clients are told: numbers and dots alone, there are clients that count on it.
    pub version: String,
    /// How often every stream says that it lives. There are clients that look at an event only when the next one comes.
    pub heartbeat: Duration,
    /// The largest body of a call; DPark sends 50 MB.
    pub body_bytes_max: usize,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// How many calls frameworks may make; `None`: as many as they like.
    pub limits: Option<Arc<Limits>>,
}

/// Who may do what; who says no says it for a reason of their own.
pub trait Authorizer: Send + Sync + fmt::Debug {
    /// Whether a framework of a principal may be in a role.
    fn may_register(&self, principal: Option<&str>, role: &str) -> bool;
    /// Whether a framework of a principal may run tasks as a user.
    fn may_run(&self, principal: Option<&str>, user: &str) -> bool;
}

/// Everybody may do everything, as in Mesos without ACLs.
#[derive(Clone, Copy, Debug)]
pub struct Permissive;

impl Authorizer for Permissive {
    fn may_register(&self, _: Option<&str>, _: &str) -> bool {
        true
    }

    fn may_run(&self, _: Option<&str>, _: &str) -> bool {
        true
    }
}

impl Config {
    /// As Mesos has it by default.
    pub fn new(master_id: impl Into<String>, hostname: impl Into<String>, ip: IpAddr, port: u16) -> Self {
        Self {
            master_id: master_id.into(),
            first_framework: 0,
            hostname: hostname.into(),
            ip,
            port,
            version: "1.11.0".to_owned(),
            heartbeat: Duration::from_secs(15),
            body_bytes_max: 64 << 20,
            authorizer: Arc::new(Permissive),
            limits: None,
        }
    }
}
