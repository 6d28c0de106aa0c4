//! Roles come with the first who names them and go with the last who uses them.

use std::sync::Arc;

use crate::{
    Event, Kernel, Refusal, RoleId, Step,
    limits::{ROLES_MAX, WEIGHT_MILLI_DEFAULT, WEIGHT_MILLI_MAX},
    role::is_path,
};

impl Kernel {
    pub(super) fn set_role(&mut self, path: &str, weight_milli: u32, out: &mut Step) -> Result<(), Refusal> {
        let role = self.ensure_role(path, out)?;
        let weight_milli = weight_milli.clamp(1, WEIGHT_MILLI_MAX);
        let same = self.state.roles.get(role).is_some_and(|r| r.kept && r.weight_milli == weight_milli);
        if !same {
            self.emit(out, Event::RoleWeighted { role, weight_milli, kept: true });
        }
        Ok(())
    }

    pub(super) fn forget_role(&mut self, role: RoleId, out: &mut Step) -> Result<(), Refusal> {
        if role == RoleId::ROOT || self.state.roles.get(role).is_none() {
            return Err(Refusal::UnknownRole);
        }
        self.emit(out, Event::RoleWeighted { role, weight_milli: WEIGHT_MILLI_DEFAULT, kept: false });
        self.prune_role(role, out);
        Ok(())
    }

    /// The role of a path, made with those above it if it is not there.
    pub(super) fn ensure_role(&mut self, path: &str, out: &mut Step) -> Result<RoleId, Refusal> {
        self.check_role(path)?;
        if let Some(role) = self.state.roles.id(path) {
            return Ok(role);
        }
        let mut parent = RoleId::ROOT;
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let above = &path[..end];
            parent = match self.state.roles.id(above) {
                Some(role) => role,
                None => {
                    let role = RoleId(self.state.last.role + 1);
                    let path: Arc<str> = above.into();
                    self.emit(out, Event::RoleAdded { role, path, parent, weight_milli: WEIGHT_MILLI_DEFAULT });
                    role
                }
            };
        }
        Ok(parent)
    }

    /// Whether [`Kernel::ensure_role`] would find or make it.
    pub(super) fn check_role(&self, path: &str) -> Result<(), Refusal> {
        if !is_path(path) {
            return Err(Refusal::InvalidRole(path.to_owned()));
        }
        let missing = 1 + path.matches('/').count();
        if self.state.roles.id(path).is_none() && self.state.roles.len() + missing > ROLES_MAX {
            return Err(Refusal::TooMany("roles"));
        }
        Ok(())
    }

    /// Removes a role that nobody uses, and those above that are then of no use.
    pub(super) fn prune_role(&mut self, role: RoleId, out: &mut Step) {
        let mut at = role;
        while at != RoleId::ROOT {
            let Some(found) = self.state.roles.get(at) else { break };
            let parent = found.parent.unwrap_or(RoleId::ROOT);
            if !found.is_idle() {
                break;
            }
            self.emit(out, Event::RoleRemoved { role: at });
            at = parent;
        }
    }
}
