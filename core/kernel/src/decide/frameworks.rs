//! Frameworks come and go, join and leave roles, and say what they want.

use std::{collections::BTreeSet, sync::Arc};

use super::send;
use crate::{
    AgentId, Closed, Event, FrameworkId, Kernel, Message, Millis, Mode, OfferId, Reason, Refusal, Resources, RoleId,
    Settings, Step, TaskId, TaskState,
    limits::{FRAMEWORK_ROLES_MAX, FRAMEWORKS_MAX},
};

impl Kernel {
    pub(super) fn subscribe(
        &mut self,
        name: Arc<str>,
        mode: Mode,
        roles: &[Arc<str>],
        failover_ms: Option<u64>,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        if self.state.frameworks.len() >= FRAMEWORKS_MAX {
            return Err(Refusal::TooMany("frameworks"));
        }
        self.check_roles(roles)?;
        let framework = FrameworkId(self.state.last.framework + 1);
        self.emit(out, Event::FrameworkAdded { framework, name, mode, failover_ms });
        self.join_all(framework, roles, out)
    }

    /// A framework under the identifier it had before: it is away until it subscribes again.
    pub(super) fn recover_framework(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        name: Arc<str>,
        mode: Mode,
        failover_ms: Option<u64>,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        if self.state.frameworks.contains_key(&framework) {
            return Ok(());
        }
        if self.state.frameworks.len() >= FRAMEWORKS_MAX {
            return Err(Refusal::TooMany("frameworks"));
        }
        let remove_at = failover_ms.map(|ms| now.after_ms(ms));
        self.emit(out, Event::FrameworkAdded { framework, name, mode, failover_ms });
        self.emit(out, Event::FrameworkDisconnected { framework, remove_at });
        Ok(())
    }

    pub(super) fn configure(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        settings: Arc<Settings>,
        failover_ms: Option<u64>,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let found = self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?;
        if found.settings != settings || found.failover_ms != failover_ms {
            self.rescind_of(now, framework, None, out);
            self.emit(out, Event::FrameworkConfigured { framework, settings, failover_ms });
        }
        Ok(())
    }

    pub(super) fn request(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        wish: Resources,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.connected(framework, Mode::Offers)?;
        self.subscribed(framework, role)?;
        self.emit(out, Event::Requested { framework, role, wish });
        Ok(())
    }

    pub(super) fn resubscribe(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        roles: &[Arc<str>],
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let found = self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?;
        self.check_roles(roles)?;
        let old: Vec<RoleId> = found.subscriptions.iter().filter(|(_, s)| s.joined).map(|(role, _)| *role).collect();
        self.rescind_of(now, framework, None, out);
        self.emit(out, Event::FrameworkConnected { framework });
        for role in old {
            let keep = self.state.roles.get(role).is_some_and(|found| roles.contains(&found.path));
            if !keep {
                self.leave_role(now, framework, role, out)?;
            }
        }
        self.join_all(framework, roles, out)
    }

    pub(super) fn join_role(&mut self, framework: FrameworkId, path: &Arc<str>, out: &mut Step) -> Result<(), Refusal> {
        let found = self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?;
        if found.subscriptions.len() >= FRAMEWORK_ROLES_MAX {
            return Err(Refusal::TooMany("roles of a framework"));
        }
        let role = self.ensure_role(path, out)?;
        if self.subscribed(framework, role).is_err() {
            self.emit(out, Event::RoleJoined { framework, role });
        }
        Ok(())
    }

    pub(super) fn leave_role(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        role: RoleId,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.subscribed(framework, role)?;
        self.rescind_of(now, framework, Some(role), out);
        self.emit(out, Event::RoleLeft { framework, role });
        self.prune_role(role, out);
        Ok(())
    }

    pub(super) fn disconnect(&mut self, now: Millis, framework: FrameworkId, out: &mut Step) -> Result<(), Refusal> {
        let found = self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?;
        if !found.connected {
            return Err(Refusal::WrongMode);
        }
        let remove_at = found.failover_ms.map(|ms| now.after_ms(ms));
        self.rescind_of(now, framework, None, out);
        self.emit(out, Event::FrameworkDisconnected { framework, remove_at });
        Ok(())
    }

    pub(super) fn remove_framework(
        &mut self,
        now: Millis,
        framework: FrameworkId,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        let found = self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?;
        let roles: Vec<RoleId> = found.subscriptions.keys().copied().collect();
        self.rescind_of(now, framework, None, out);
        let tasks: Vec<TaskId> = self.state.tasks_of(framework).into_iter().map(|(_, task)| task).collect();
        let untold = self.state.frameworks.get(&framework).map(|found| &found.unacknowledged);
        let untold: BTreeSet<AgentId> = untold.into_iter().flatten().map(|(_, end)| end.agent).collect();
        let mut agents: BTreeSet<AgentId> =
            tasks.iter().filter_map(|task| Some(self.state.tasks.get(task)?.agent)).collect();
        for task in tasks {
            self.end_task(task, TaskState::Killed, Reason::FrameworkRemoved, out);
        }
        let executors: Vec<(AgentId, Arc<str>)> = self.executors_of(framework);
        for (agent, name) in executors {
            agents.insert(agent);
            self.end_executor(agent, framework, name, out);
        }
        self.order_shutdown(framework, &agents, out);
        let inverse = self.state.frameworks.get(&framework).map(|found| found.inverse_offers.clone());
        for offer in inverse.unwrap_or_default() {
            self.emit(out, Event::InverseClosed { offer });
        }
        self.emit(out, Event::FrameworkRemoved { framework });
        for role in roles {
            self.prune_role(role, out);
        }
        for agent in agents.into_iter().chain(untold) {
            self.drained(now, agent, out);
        }
        send(out, framework, Message::Removed);
        Ok(())
    }

    pub(super) fn demand(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        slots: u32,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        self.connected(framework, Mode::Claims)?;
        self.subscribed(framework, role)?;
        let wanted = self.state.frameworks.get(&framework).and_then(|f| f.subscriptions.get(&role));
        if wanted.is_some_and(|sub| sub.slots != slots) {
            self.emit(out, Event::Demanded { framework, role, slots });
        }
        Ok(())
    }

    pub(super) fn revive(&mut self, framework: FrameworkId, roles: Vec<RoleId>, out: &mut Step) -> Result<(), Refusal> {
        for role in self.named_or_all(framework, roles)? {
            self.emit(out, Event::Revived { framework, role });
        }
        Ok(())
    }

    pub(super) fn suppress(
        &mut self,
        framework: FrameworkId,
        roles: Vec<RoleId>,
        out: &mut Step,
    ) -> Result<(), Refusal> {
        for role in self.named_or_all(framework, roles)? {
            self.emit(out, Event::Suppressed { framework, role });
        }
        Ok(())
    }

    fn executors_of(&self, framework: FrameworkId) -> Vec<(AgentId, Arc<str>)> {
        let of_agent = |(id, agent): (&AgentId, &crate::Agent)| {
            let own = agent.executors.keys().filter(|(owner, _)| *owner == framework);
            own.map(|(_, name)| (*id, name.clone())).collect::<Vec<_>>()
        };
        self.state.agents.iter().flat_map(of_agent).collect()
    }

    /// The roles named, or all of the framework where none is. One that is not its own refuses them all.
    fn named_or_all(&self, framework: FrameworkId, roles: Vec<RoleId>) -> Result<Vec<RoleId>, Refusal> {
        self.connected(framework, Mode::Offers)?;
        if roles.is_empty() {
            let found = self.state.frameworks.get(&framework).ok_or(Refusal::UnknownFramework)?;
            return Ok(found.subscriptions.iter().filter(|(_, sub)| sub.joined).map(|(role, _)| *role).collect());
        }
        roles.iter().try_for_each(|role| self.subscribed(framework, *role))?;
        Ok(roles)
    }

    fn check_roles(&self, roles: &[Arc<str>]) -> Result<(), Refusal> {
        if roles.len() > FRAMEWORK_ROLES_MAX {
            return Err(Refusal::TooMany("roles of a framework"));
        }
        roles.iter().try_for_each(|path| self.check_role(path))
    }

    fn join_all(&mut self, framework: FrameworkId, roles: &[Arc<str>], out: &mut Step) -> Result<(), Refusal> {
        roles.iter().try_for_each(|role| self.join_role(framework, role, out))
    }

    /// Takes back the open offers of a framework, in one role or in all.
    fn rescind_of(&mut self, now: Millis, framework: FrameworkId, role: Option<RoleId>, out: &mut Step) {
        let Some(found) = self.state.frameworks.get(&framework) else { return };
        let in_role = |id: &&OfferId| role.is_none() || self.state.offers.get(id).map(|offer| offer.role) == role;
        let offers: Vec<OfferId> = found.offers.iter().filter(in_role).copied().collect();
        for offer in offers {
            self.give_back(now, offer, 0, Closed::Rescinded, out);
        }
    }
}
