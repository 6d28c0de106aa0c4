//! The door itself: the book behind one lock, the ledger behind it, and what the bridge has to say.
//!
//! The book is always locked before the ledger, never after it. Nothing waits while it is locked: work for the bridge is
//! put into the book and given out by [`Door::run`], in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use kubernel_kernel::{AgentId, Input, Millis, Mode, TaskSpec, TaskState as KernelState, Update};
use kubernel_ledger::{Books, Deliveries, Ledger};
use kubernel_mesos_proto::{
    scheduler::{Event, event},
    v1::{AgentID, ExecutorID, TaskState, TaskStatus, TaskStatusSource},
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Work,
    book::{Book, Change, Framework, FrameworkRecord, Heard, RecoveredTask, TaskRecord, is_terminal},
    framework, launch, status,
};

/// Changes of the book that a slow watcher may be behind; beyond, it misses some and has to look again.
const CHANGES_MAX: usize = 4_096;

/// How often at most it is looked for streams that were cut off.
const SWEEP_MIN: Duration = Duration::from_millis(100);

/// The Mesos door. Cheap to clone: all clones are one door.
#[derive(Clone, Debug)]
pub struct Door(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) ledger: Arc<Ledger>,
    book: Mutex<Book>,
    /// Taken by [`Door::run`].
    deliveries: Mutex<Option<Deliveries>>,
    work: mpsc::Sender<Work>,
    woken: Notify,
    changes: broadcast::Sender<Change>,
    recovered: AtomicBool,
    /// When the door was opened, in seconds since 1970.
    pub(crate) opened: f64,
}

impl Door {
    /// A door to a ledger. What is to be done comes out at the other end of `work`.
    pub fn new(ledger: Arc<Ledger>, config: Config, work: mpsc::Sender<Work>) -> Self {
        let deliveries = Mutex::new(Some(ledger.deliveries()));
        let book = Book::new(config.first_framework);
        Self(Arc::new(Inner {
            config,
            ledger,
            book: Mutex::new(book),
            deliveries,
            work,
            woken: Notify::new(),
            changes: broadcast::Sender::new(CHANGES_MAX),
            recovered: AtomicBool::new(false),
            opened: now(),
        }))
    }

    /// What the door was told when it was made.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The ledger behind the door.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.0.ledger
    }

    /// When the door was opened, in seconds since 1970.
    pub fn opened(&self) -> f64 {
        self.0.opened
    }

    /// Looks into the book. Nobody else can act meanwhile: look, copy, and go.
    pub fn read<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&self.0.book.lock())
    }

    /// What changes in the book from now on.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.0.changes.subscribe()
    }

    /// Passes on what the kernel says and what the bridge is to do, until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let Some(mut deliveries) = self.0.deliveries.lock().take() else { return };
        let mut sweep = tokio::time::interval(self.0.config.heartbeat.max(SWEEP_MIN));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                come = deliveries.next() => self.deliver(come),
                () = self.0.woken.notified() => {}
                _ = sweep.tick() => self.sweep(),
            }
            while let Some(work) = self.next_work() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    sent = self.0.work.send(work) => if sent.is_err() { return },
                }
            }
        }
    }

    /// Frameworks whose stream was cut off are away, whether their connection has ended or not.
    fn sweep(&self) {
        let cut = |found: &&Framework| found.record.connected && found.stream.is_none();
        let away: Vec<String> =
            self.read(|book| book.frameworks.values().filter(cut).map(|found| found.record.id.clone()).collect());
        for id in away {
            self.disconnected(&id, "");
        }
    }

    fn next_work(&self) -> Option<Work> {
        self.0.book.lock().work.pop_front()
    }

    /// What a node says of a task: it is told to the framework until it acknowledges it. May be said again.
    pub fn update(&self, agent: &str, framework: &str, mut status: TaskStatus) {
        let task = status.task_id.value.clone();
        status.agent_id.get_or_insert_with(|| AgentID { value: agent.to_owned() });
        status.timestamp.get_or_insert_with(now);
        status.source.get_or_insert(TaskStatusSource::Agent);
        let uuid = status.uuid.get_or_insert_with(|| uuid::Uuid::new_v4().as_bytes().to_vec()).clone();
        let mut book = self.lock();
        let Some(found) = book.frameworks.get_mut(framework) else { return };
        match found.hear(&task, &status) {
            Heard::New => {}
            Heard::Again => return self.tell(found, status),
            Heard::Waits => return self.report(found, agent, &status, &uuid),
            Heard::Known => {
                let agent = agent.to_owned();
                let framework = framework.to_owned();
                if let Ok(uuid) = uuid.try_into() {
                    book.work.push_back(Work::Acknowledge { framework, task, agent, uuid });
                }
                return;
            }
        }
        self.report(found, agent, &status, &uuid);
        self.tell(found, status);
    }

    /// Bytes from an executor to its framework, as good as can be.
    pub fn message(&self, agent: &str, framework: &str, executor: &str, data: Vec<u8>) {
        let mut book = self.lock();
        if let Some(found) = book.frameworks.get_mut(framework) {
            let message = event::Message {
                agent_id: AgentID { value: agent.to_owned() },
                executor_id: ExecutorID { value: executor.to_owned() },
                data,
            };
            found.send(&Event { r#type: Some(event::Type::Message), message: Some(message), ..Event::default() });
        }
    }

    /// An executor ended; `status` is as wait(2) says. What became of its tasks is told for each.
    pub fn executor_exited(&self, agent: &str, framework: &str, executor: &str, status: i32) {
        let book = self.lock();
        let Some(kernel) = book.framework(framework).map(|found| found.kernel) else { return };
        if let Some(agent) = self.agent_id(agent) {
            self.0.ledger.step(Input::ExecutorExited { framework: kernel, agent, executor: executor.into(), status });
        }
    }

    /// The kernel's number for a framework.
    pub fn kernel_id(&self, framework: &str) -> Option<kubernel_kernel::FrameworkId> {
        self.read(|book| book.framework(framework).map(|found| found.kernel))
    }

    /// The number of a framework, if it got its identifier here and did not bring it.
    pub fn number(&self, framework: &str) -> Option<u32> {
        let number = framework.strip_prefix(&self.0.config.master_id)?.strip_prefix('-')?.parse().ok()?;
        self.read(|book| number < book.next).then_some(number)
    }

    /// Opens the door: it is known what was there before. Frameworks are away until they subscribe; tasks on agents that are
    /// not there yet are taken back when those come.
    pub fn recover(&self, frameworks: Vec<FrameworkRecord>, tasks: Vec<RecoveredTask>) {
        let mut book = self.lock();
        for record in frameworks {
            if book.frameworks.contains_key(record.id.as_str()) {
                continue;
            }
            let failover_ms = Some(framework::failover_ms(&record.info));
            let roles = framework::roles(&record.info).iter().map(|role| role.as_str().into()).collect();
            let kernel = self.0.ledger.act(|books, now| {
                let name = record.id.as_str().into();
                let step = books.step(now, Input::Subscribe { name, mode: Mode::Offers, roles, failover_ms });
                let kernel = status::added(&step)?;
                if let Ok(settings) = framework::settings(&record.info, record.offer_constraints.as_ref(), books) {
                    let settings = Arc::new(settings);
                    books.step(now, Input::Configure { framework: kernel, settings, failover_ms });
                }
                books.step(now, Input::Disconnect { framework: kernel });
                Some(kernel)
            });
            if let Some(kernel) = kernel {
                book.add_framework(Framework::new(FrameworkRecord { connected: false, ..record }, kernel));
            }
        }
        book.awaited.extend(tasks);
        self.take_back(&mut book);
        self.0.recovered.store(true, Ordering::Release);
    }

    /// Whether it is known what was there before.
    pub fn is_recovered(&self) -> bool {
        self.0.recovered.load(Ordering::Acquire)
    }

    /// Takes the tasks back whose agents have come.
    pub(crate) fn take_back(&self, book: &mut Book) {
        let awaited = std::mem::take(&mut book.awaited);
        for task in awaited {
            let Some(kernel) = book.framework(&task.framework).map(|found| found.kernel) else { continue };
            let Some(agent) = self.agent_id(&task.agent) else {
                book.awaited.push(task);
                continue;
            };
            let adopted = self.0.ledger.act(|books, now| adopt(books, now, kernel, agent, &task));
            let Some(id) = adopted else {
                tracing::warn!(
                    framework = task.framework,
                    task = task.info.task_id.value,
                    "task could not be taken back"
                );
                continue;
            };
            let RecoveredTask { framework, agent, role, info, executor, group, state } = task;
            let mut record = TaskRecord::new(&framework, &agent, &role, Arc::new(info), id);
            (record.executor, record.group, record.state) = (executor.map(Arc::new), group, state);
            book.add_task(record);
        }
    }

    /// Tells a framework that something is wrong and closes its stream; it may subscribe again.
    pub fn fail(&self, framework: &str, message: &str) {
        let mut book = self.lock();
        if let Some(found) = book.frameworks.get_mut(framework) {
            found.send(&error(message));
            found.stream = None;
        }
    }

    /// Ends a framework with all it has. `false`: there is none.
    pub fn teardown(&self, framework: &str) -> bool {
        let mut book = self.lock();
        let Some(kernel) = book.framework(framework).map(|found| found.kernel) else { return false };
        self.0.ledger.step(Input::RemoveFramework { framework: kernel });
        book.remove_framework(framework, now());
        self.changed(Change::FrameworkRemoved(framework.into()));
        true
    }

    /// The book, to act on it. What is put into it for the bridge goes out when the lock is given back.
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked { book: Some(self.0.book.lock()), woken: &self.0.woken }
    }

    pub(crate) fn changed(&self, change: Change) {
        // Nobody may watch.
        let _ = self.0.changes.send(change);
    }

    pub(crate) fn agent_id(&self, name: &str) -> Option<AgentId> {
        self.0.ledger.read(|state| state.agent_id(name))
    }

    /// What the kernel has to know of an update.
    fn report(&self, found: &Framework, agent: &str, status: &TaskStatus, uuid: &[u8]) {
        let Some(agent) = self.agent_id(agent) else { return };
        let update = Update {
            state: status::to_kernel(status.state),
            source: kubernel_kernel::Source::Agent,
            reason: None,
            message: None,
            uuid: uuid.try_into().ok().map(u128::from_be_bytes),
        };
        let name = status.task_id.value.as_str().into();
        self.0.ledger.step(Input::Report { agent, framework: found.kernel, name, update });
    }

    fn tell(&self, found: &mut Framework, mut status: TaskStatus) {
        let state = status.state;
        status.state = found.seen(state);
        self.changed(Change::TaskUpdated {
            framework: found.record.id.as_str().into(),
            status: Box::new(TaskStatus { data: None, ..status.clone() }),
            state,
        });
        found.send_status(status);
    }
}

/// The book while it is locked.
pub(crate) struct Locked<'a> {
    book: Option<MutexGuard<'a, Book>>,
    woken: &'a Notify,
}

impl std::ops::Deref for Locked<'_> {
    type Target = Book;

    fn deref(&self) -> &Book {
        self.book.as_deref().unwrap_or_else(|| unreachable!("the lock is held until it is dropped"))
    }
}

impl std::ops::DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Book {
        self.book.as_deref_mut().unwrap_or_else(|| unreachable!("the lock is held until it is dropped"))
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let waits = self.book.as_ref().is_some_and(|book| !book.work.is_empty());
        self.book = None;
        if waits {
            self.woken.notify_one();
        }
    }
}

/// Now, in seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The event that ends a stream.
pub(crate) fn error(message: &str) -> Event {
    Event {
        r#type: Some(event::Type::Error),
        error: Some(event::Error { message: message.to_owned() }),
        ..Event::default()
    }
}

/// Writes a task of before into the ledger.
fn adopt(
    books: &mut Books,
    now: Millis,
    framework: kubernel_kernel::FrameworkId,
    agent: AgentId,
    task: &RecoveredTask,
) -> Option<kubernel_kernel::TaskId> {
    let name: Arc<str> = task.info.task_id.value.as_str().into();
    let counts_pods = launch::counts_pods(books, agent);
    let resources = launch::resources(&task.info.resources, counts_pods, books).ok()?;
    let executor = match &task.executor {
        Some(executor) => Some(launch::executor(executor, counts_pods, books).ok()?),
        None => None,
    };
    let spec = TaskSpec { name: name.clone(), resources, executor, priority: 0 };
    books.step(now, Input::JoinRole { framework, role: task.role.as_str().into() });
    let role = books.state().roles().id(&task.role)?;
    let state = match task.state {
        state if is_terminal(state) => return None,
        TaskState::Staging => KernelState::Staging,
        other => status::to_kernel(other),
    };
    books.step(now, Input::Adopt { framework, role, agent, task: spec, state });
    books.state().task_id(framework, &name)
}
