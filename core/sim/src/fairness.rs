//! Two roles that both want everything: what each has after a while.

use std::sync::Arc;

use kubernel_kernel::{
    Action, Availability, Config, FrameworkId, Input, Kernel, Message, Millis, Mode, Operation, Resources, RoleId,
    Step, TaskId, TaskSpec, TaskState, Turn,
};

use crate::Rng;

/// What each of two roles has, in millionths of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The role of the first weight.
    pub first: u64,
    /// The role of the second weight.
    pub second: u64,
}

/// How often tasks end and others take their place.
const ROUNDS: usize = 200;

/// Lets two roles of these weights (in thousandths) compete for `agents` machines of 8 CPUs, with tasks that end at
/// random, and says what they have at the end. The first role belongs to a framework of the first mode, the second to
/// one of the second.
pub fn split(seed: u64, agents: usize, weights_milli: [u32; 2], modes: [Mode; 2]) -> Split {
    let mut rng = Rng::new(seed);
    let mut kernel = Kernel::new(Config::default());
    let mut now = Millis(0);
    for at in 0..agents {
        let total = Resources::new(8_000, 32 << 30, 0, 8);
        kernel.step(now, Input::AddAgent { name: name(at), total, availability: Availability::Open });
    }
    for (at, (weight_milli, mode)) in weights_milli.into_iter().zip(modes).enumerate() {
        kernel.step(now, Input::SetRole { path: name(at), weight_milli });
        kernel.step(now, Input::Subscribe { name: name(at), mode, roles: vec![name(at)], failover_ms: None });
    }
    let mut named = agents;
    for _ in 0..ROUNDS {
        now = now.after_ms(1_000);
        for (framework, role) in [(FrameworkId(1), RoleId(1)), (FrameworkId(2), RoleId(2))] {
            kernel.step(now, Input::Demand { framework, role, slots: 10_000 });
        }
        let mut step = kernel.step(now, Input::Tick);
        loop {
            let answers = answers(&kernel, &step, &mut named);
            if answers.is_empty() {
                break;
            }
            for answer in answers {
                step = kernel.step(now, answer);
            }
            if step.turn.is_none() {
                step = kernel.step(now, Input::Tick);
            }
        }
        let tasks: Vec<TaskId> = kernel.state().tasks().keys().copied().collect();
        for task in tasks {
            if rng.once_in(10) {
                kernel.step(now, Input::UpdateTask { task, state: TaskState::Finished });
            }
        }
    }
    let share = |role| kernel.state().roles().share(role).millionths();
    Split { first: share(RoleId(1)), second: share(RoleId(2)) }
}

/// What frameworks that want everything answer to a step: a task on each offer, or a claim.
fn answers(kernel: &Kernel, step: &Step, named: &mut usize) -> Vec<Input> {
    let mut answers = Vec::new();
    let mut task = || {
        *named += 1;
        TaskSpec::new(name(*named), slot())
    };
    for send in &step.sends {
        let Message::Offers(offers) = &send.message else { continue };
        answers.extend(offers.iter().map(|offer| Input::Accept {
            framework: send.to,
            offers: vec![*offer],
            operations: vec![Operation::silent(Action::Launch(vec![task()]))],
            filter_ms: 0,
        }));
    }
    if let Some(Turn { framework, role }) = step.turn {
        let room = kernel.state().agents().iter().find(|(_, agent)| agent.free().contains(&slot()));
        answers.push(match room {
            Some((agent, _)) => Input::Claim { framework, role, agent: *agent, task: task() },
            None => Input::Demand { framework, role, slots: 0 },
        });
    }
    answers
}

/// What each task needs: an eighth of a machine.
fn slot() -> Resources {
    Resources::new(1_000, 4 << 30, 0, 1)
}

fn name(at: usize) -> Arc<str> {
    format!("n{at}").into()
}
