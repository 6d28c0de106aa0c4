//! An agent: runs tasks, writes down what it must not forget before it says it, and says each update until it is known.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use kubernel_kernel::{FrameworkId, Millis, Resources, Running, Source, TaskSpec, TaskState, Update};

use super::{
    Ground,
    message::{Address, Body, Frame, Key, Link},
};

/// How long an agent waits for a sign of the master.
const SILENCE_MS_MAX: u64 = 8_000;
/// How long it waits before it says an update again, at first and at most.
const AGAIN_MS: u64 = 10_000;
const AGAIN_MS_MAX: u64 = 40_000;

/// An agent.
#[derive(Debug)]
pub(crate) struct Agent {
    index: usize,
    pub(crate) name: Arc<str>,
    pub(crate) total: Resources,
    /// The process runs.
    pub(crate) up: bool,
    /// It was told to end.
    pub(crate) gone: bool,
    sessions: u64,
    link: Option<Link>,
    registered: bool,
    /// What it knows, and what of it is on the disk.
    records: BTreeMap<Key, Record>,
    disk: BTreeMap<Key, Record>,
    /// What is on its way to the disk, and what is done then.
    writes: VecDeque<(Millis, Key, Option<Record>, Then)>,
    /// What really runs; it does not end with the agent's process.
    pub(crate) running: BTreeMap<Key, Process>,
}

/// What an agent knows of a task.
#[derive(Clone, Debug)]
struct Record {
    role: Arc<str>,
    resources: Resources,
    state: TaskState,
    killed: bool,
    /// Updates that the framework does not know of yet, the oldest first; one at a time is said.
    updates: VecDeque<(TaskState, u128)>,
    again_at: Millis,
    again_ms: u64,
}

/// Something that runs.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) resources: Resources,
    ends_at: Millis,
    end: TaskState,
}

/// What is done when something is on the disk.
#[derive(Clone, Copy, Debug)]
enum Then {
    Start,
    Say,
    Nothing,
}

impl Agent {
    pub(crate) fn new(index: usize, total: Resources) -> Self {
        Self {
            index,
            name: format!("a{index}").into(),
            total,
            up: true,
            gone: false,
            sessions: 0,
            link: None,
            registered: false,
            records: BTreeMap::new(),
            disk: BTreeMap::new(),
            writes: VecDeque::new(),
            running: BTreeMap::new(),
        }
    }

    /// The process ends, and with it what it had not written; all that runs ends too if it is the machine that fails.
    pub(crate) fn crash(&mut self, machine: bool) {
        self.up = false;
        self.link = None;
        self.registered = false;
        self.writes.clear();
        self.records = self.disk.clone();
        if machine {
            self.running.clear();
        }
    }

    /// The process is there again: what runs and is not written down is ended, what is written down and does not run
    /// has failed.
    pub(crate) fn restart(&mut self, ground: &mut Ground<'_>) {
        self.up = !self.gone;
        self.running.retain(|key, _| self.records.contains_key(key));
        let keys: Vec<Key> = self.records.keys().cloned().collect();
        for key in keys {
            let Some(record) = self.records.get_mut(&key) else { continue };
            record.again_at = ground.now;
            let said = record.updates.back().map_or(record.state, |(state, _)| *state);
            if !self.running.contains_key(&key) && !said.is_terminal() {
                self.update(ground, &key, TaskState::Failed);
            } else if said == TaskState::Staging {
                self.update(ground, &key, TaskState::Running);
            }
        }
    }

    /// Time passes.
    pub(crate) fn tick(&mut self, ground: &mut Ground<'_>) {
        if !self.up {
            return;
        }
        self.sync(ground);
        let ended = self.running.iter().filter(|(_, process)| process.ends_at <= ground.now);
        let ended: Vec<(Key, TaskState)> = ended.map(|(key, process)| (key.clone(), process.end)).collect();
        for (key, state) in ended {
            self.running.remove(&key);
            self.update(ground, &key, state);
        }
        let silent = self.link.as_ref().is_none_or(|link| link.heard_at.after_ms(SILENCE_MS_MAX) < ground.now);
        if silent {
            self.register(ground);
        } else if self.registered {
            self.tell(ground, Body::Beat);
            let due = self.records.iter().filter(|(_, record)| record.again_at <= ground.now);
            let due: Vec<Key> = due.map(|(key, _)| key.clone()).collect();
            for key in due {
                self.say(ground, &key);
            }
        }
    }

    fn register(&mut self, ground: &mut Ground<'_>) {
        self.sessions += 1;
        self.registered = false;
        self.link = Some(Link::new(self.sessions, ground.now));
        let running = |((framework, name), record): (&Key, &Record)| Running {
            framework: *framework,
            role: record.role.clone(),
            task: TaskSpec::new(name.clone(), record.resources.clone()),
            state: record.state,
        };
        let tasks = self.records.iter().map(running).collect();
        self.tell(ground, Body::Register { total: self.total.clone(), tasks });
    }

    /// What the master says.
    pub(crate) fn hear(&mut self, ground: &mut Ground<'_>, frame: Frame) {
        let Some(link) = self.link.as_mut().filter(|link| self.up && link.session == frame.session) else { return };
        if !link.hear(&frame, ground.now) {
            self.link = None;
            return;
        }
        match frame.body {
            Body::Registered => {
                self.registered = true;
                for record in self.records.values_mut() {
                    (record.again_at, record.again_ms) = (ground.now, AGAIN_MS);
                }
            }
            Body::Launch { key, role, resources } if !self.records.contains_key(&key) => {
                let record = Record {
                    role,
                    resources,
                    state: TaskState::Staging,
                    killed: false,
                    updates: VecDeque::new(),
                    again_at: ground.now,
                    again_ms: AGAIN_MS,
                };
                self.records.insert(key.clone(), record);
                self.write(ground, &key, Then::Start);
            }
            Body::Kill(key) => {
                let end = ground.now.after_ms(ground.rng.below(3_000));
                if let Some(process) = self.running.get_mut(&key) {
                    (process.ends_at, process.end) = (process.ends_at.min(end), TaskState::Killed);
                } else if let Some(record) = self.records.get_mut(&key) {
                    record.killed = true;
                }
            }
            Body::Acknowledged { key, uuid } => self.acknowledged(ground, &key, uuid),
            Body::ShutdownFramework(framework) => self.shut_down(ground, Some(framework)),
            Body::Shutdown => {
                self.shut_down(ground, None);
                (self.up, self.gone) = (false, true);
            }
            _ => {}
        }
    }

    /// Ends all of a framework, or all there is; nobody wants to hear of it.
    fn shut_down(&mut self, ground: &mut Ground<'_>, framework: Option<FrameworkId>) {
        let is_its = |key: &Key| framework.is_none_or(|framework| key.0 == framework);
        self.running.retain(|key, _| !is_its(key));
        let keys: Vec<Key> = self.records.keys().filter(|key| is_its(key)).cloned().collect();
        for key in keys {
            self.records.remove(&key);
            self.write(ground, &key, Then::Nothing);
        }
    }

    fn acknowledged(&mut self, ground: &mut Ground<'_>, key: &Key, uuid: u128) {
        let Some(record) = self.records.get_mut(key) else { return };
        let Some((state, _)) = record.updates.pop_front_if(|(_, said)| *said == uuid) else { return };
        (record.again_at, record.again_ms) = (ground.now, AGAIN_MS);
        if state.is_terminal() {
            self.records.remove(key);
        }
        self.write(ground, key, Then::Say);
    }

    fn update(&mut self, ground: &mut Ground<'_>, key: &Key, state: TaskState) {
        let uuid = u128::from(ground.rng.draw()) << 64 | u128::from(ground.rng.draw());
        if let Some(record) = self.records.get_mut(key) {
            record.state = state;
            record.updates.push_back((state, uuid));
            self.write(ground, key, Then::Say);
        }
    }

    /// Disks are slow now and then, and keep the order.
    fn write(&mut self, ground: &mut Ground<'_>, key: &Key, then: Then) {
        let slowest_ms = if ground.rough && ground.rng.once_in(20) { 3_000 } else { 10 };
        let due = ground.now.after_ms(ground.rng.below(slowest_ms));
        let due = self.writes.back().map_or(due, |(last, ..)| due.max(*last));
        self.writes.push_back((due, key.clone(), self.records.get(key).cloned(), then));
    }

    fn sync(&mut self, ground: &mut Ground<'_>) {
        while let Some((_, key, record, then)) = self.writes.pop_front_if(|(due, ..)| *due <= ground.now) {
            match record {
                Some(record) => drop(self.disk.insert(key.clone(), record)),
                None => drop(self.disk.remove(&key)),
            }
            match then {
                Then::Start => self.start(ground, &key),
                Then::Say => self.say(ground, &key),
                Then::Nothing => {}
            }
        }
    }

    fn start(&mut self, ground: &mut Ground<'_>, key: &Key) {
        let Some(record) = self.records.get(key) else { return };
        if record.killed {
            self.update(ground, key, TaskState::Killed);
            return;
        }
        let longest_ms = if ground.rough { 40_000 } else { 3_000 };
        let ends_at = ground.now.after_ms(500 + ground.rng.below(longest_ms));
        let end = if ground.rng.once_in(6) && ground.rough { TaskState::Failed } else { TaskState::Finished };
        let process = Process { resources: record.resources.clone(), ends_at, end };
        ground.truth.starts(key, &self.name);
        self.running.insert(key.clone(), process);
        self.update(ground, key, TaskState::Running);
    }

    /// Says the oldest update of a task that the framework does not know of, if it is on the disk.
    fn say(&mut self, ground: &mut Ground<'_>, key: &Key) {
        let Some(record) = self.records.get_mut(key).filter(|_| self.registered) else { return };
        let Some((state, uuid)) = record.updates.front().copied() else { return };
        let on_disk = self.disk.get(key).and_then(|disk| disk.updates.front());
        let synced = on_disk.is_some_and(|(_, known)| *known == uuid);
        if !synced {
            return;
        }
        record.again_at = ground.now.after_ms(record.again_ms);
        record.again_ms = (record.again_ms * 2).min(AGAIN_MS_MAX);
        ground.truth.says(key, uuid);
        let update = Update { state, source: Source::Executor, reason: None, message: None, uuid: Some(uuid) };
        self.tell(ground, Body::Report { key: key.clone(), update: Box::new(update) });
    }

    fn tell(&mut self, ground: &mut Ground<'_>, body: Body) {
        if let Some(link) = &mut self.link {
            let frame = link.frame(body);
            ground.net.send(ground.rng, ground.now, Address::Agent(self.index), Address::Master, frame);
        }
    }
}
