//! The end of a world: faults stop, and everybody who wants something gets something within a few rounds, however the
//! others behave.

use std::{collections::BTreeSet, sync::Arc};

use kubernel_kernel::{
    Action, AgentId, Capabilities, FrameworkId, Input, Message, Mode, OfferId, Operation, Resources, RoleId, Settings,
    Step, TaskSpec, TaskState,
};

use crate::world::World;

/// Rounds of a second each in which everybody must have been served.
const ROUNDS: usize = 40;
const ROLE: &str = "calm";

impl World {
    /// Lets everybody want one task. Those that had theirs decline whatever they are offered, without a filter.
    pub(crate) fn calm_down(&mut self) -> Result<(), String> {
        self.stop_faults()?;
        let frameworks: Vec<(FrameworkId, Mode)> =
            self.kernel.state().frameworks().iter().map(|(id, found)| (*id, found.mode)).collect();
        let role = self.kernel.state().roles().id(ROLE).unwrap_or(RoleId::ROOT);
        let mut served: BTreeSet<FrameworkId> = BTreeSet::new();
        for _ in 0..ROUNDS {
            if served.len() == frameworks.len() {
                return Ok(());
            }
            for (framework, _) in frameworks.iter().filter(|(id, mode)| *mode == Mode::Claims && !served.contains(id)) {
                self.give(Input::Demand { framework: *framework, role, slots: 1 })?;
            }
            let mut step = self.tick_later(1_000)?;
            for _ in 0..frameworks.len() * 4 {
                let answers = self.calm_answers(&step, &mut served);
                if answers.is_empty() {
                    break;
                }
                for answer in answers {
                    step = self.give(answer)?;
                }
                if step.turn.is_none() {
                    step = self.tick_later(0)?;
                }
            }
        }
        let waiting: Vec<FrameworkId> =
            frameworks.iter().map(|(id, _)| *id).filter(|id| !served.contains(id)).collect();
        if waiting.is_empty() { Ok(()) } else { Err(format!("{waiting:?} got nothing in {ROUNDS} rounds")) }
    }

    fn stop_faults(&mut self) -> Result<(), String> {
        let quotas: Vec<Arc<str>> = self
            .kernel
            .state()
            .roles()
            .iter()
            .filter(|(_, role)| role.quota.is_some())
            .map(|(_, role)| role.path.clone())
            .collect();
        for path in quotas {
            self.give(Input::SetQuota { path, quota: None, force: true })?;
        }
        let tasks: Vec<_> = self.kernel.state().tasks().keys().copied().collect();
        for task in tasks {
            self.give(Input::UpdateTask { task, state: TaskState::Finished })?;
        }
        let agents: Vec<AgentId> = self.kernel.state().agents().keys().copied().collect();
        for agent in agents {
            self.give(Input::RemoveAgent { agent })?;
        }
        let total = Resources::new(64_000, 64 << 30, 0, 100);
        self.give(Input::AddAgent { name: "calm".into(), total, availability: Default::default() })?;
        let capabilities = Capabilities { gpu_resources: true, ..Capabilities::default() };
        let settings = Arc::new(Settings { capabilities, ..Settings::default() });
        let frameworks: Vec<FrameworkId> = self.kernel.state().frameworks().keys().copied().collect();
        for framework in frameworks {
            self.give(Input::Resubscribe { framework, roles: vec![ROLE.into()] })?;
            self.give(Input::Configure { framework, settings: settings.clone(), failover_ms: None })?;
            self.give(Input::Revive { framework, roles: Vec::new() })?;
            let role = self.kernel.state().roles().id(ROLE).unwrap_or(RoleId::ROOT);
            self.give(Input::Request { framework, role, wish: Resources::default() })?;
        }
        Ok(())
    }

    fn calm_answers(&mut self, step: &Step, served: &mut BTreeSet<FrameworkId>) -> Vec<Input> {
        let mut answers = Vec::new();
        for send in &step.sends {
            let Message::Offers(offers) = &send.message else { continue };
            answers.extend(offers.iter().map(|offer| self.calm_answer(send.to, *offer, served)));
        }
        // What was offered before the calm is answered, too.
        if answers.is_empty() {
            let open: Vec<_> = self.kernel.state().offers().iter().map(|(id, offer)| (offer.framework, *id)).collect();
            answers.extend(open.into_iter().map(|(framework, offer)| self.calm_answer(framework, offer, served)));
        }
        if let Some(turn) = step.turn {
            let agent = self.kernel.state().agent_id("calm").unwrap_or(AgentId(0));
            served.insert(turn.framework);
            answers.push(Input::Claim { framework: turn.framework, role: turn.role, agent, task: self.calm_task() });
        }
        answers
    }

    fn calm_answer(&mut self, framework: FrameworkId, offer: OfferId, served: &mut BTreeSet<FrameworkId>) -> Input {
        let offers = vec![offer];
        if !served.insert(framework) {
            return Input::Decline { framework, offers, filter_ms: 0 };
        }
        let operations = vec![Operation::silent(Action::Launch(vec![self.calm_task()]))];
        Input::Accept { framework, offers, operations, filter_ms: 0 }
    }

    fn calm_task(&mut self) -> TaskSpec {
        self.named += 1;
        TaskSpec::new(format!("calm-{}", self.named), Resources::new(1_000, 1 << 30, 0, 1))
    }
}
