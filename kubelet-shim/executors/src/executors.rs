//! The executors of a node as the agent has them: opened before its runtime, run beside it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use kubernel_mesos_proto::node;
use kubernel_runtime::process::Outfitter;
use kubernel_runtime::{ProcessRuntime, Runtime as _, RuntimeEvent};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::book::{self, Book, Deed, Key};
use crate::nested::Nested;
use crate::outfit::Outfits;
use crate::places::Places;
use crate::token::Tokens;
use crate::{Error, Host, Result, checkpoint, http};

/// Events that may wait for a slow listener; one that is slower has to come again.
const EVENTS_MAX: usize = 16_384;
/// How often it is looked what is due.
const TICK: Duration = Duration::from_secs(1);
/// Pause before the port is tried again.
const LISTEN_RETRY: Duration = Duration::from_secs(10);

/// What is to be known of the node.
#[derive(Clone, Debug)]
pub struct Config {
    /// The Node's name, which is the Mesos agent's id.
    pub node_name: String,
    /// The address under which others reach the node.
    pub node_ip: IpAddr,
    /// Where sandboxes and records are kept.
    pub data_dir: PathBuf,
    /// Where persistent volumes are kept.
    pub volumes_dir: PathBuf,
    /// Where the agent's HTTP is served.
    pub listen: SocketAddr,
}

/// The executors of a node.
#[derive(Clone)]
pub struct Executors {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) book: Mutex<Book>,
    pub(crate) outfits: Outfits,
    /// Something new came to the book that somebody may wait for.
    pub(crate) news: Notify,
    pub(crate) started: Instant,
    pub(crate) nested: Nested,
    pub(crate) tokens: Tokens,
    pub(crate) host: OnceLock<Arc<dyn Host>>,
    events: broadcast::Sender<node::Event>,
    runtime: OnceLock<ProcessRuntime>,
}

impl Executors {
    /// Reads what was written down before.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(mut config: Config) -> Result<Self> {
        // Sandboxes are named to processes that may be anywhere.
        config.data_dir = std::path::absolute(&config.data_dir).map_err(Error::file(&config.data_dir))?;
        let root = config.data_dir.join("meta");
        let found = checkpoint::read_all(&root)?;
        let tokens = Tokens::open(&config.data_dir.join("executors.key"))?;
        let endpoint = config.endpoint();
        let agent = book::agent(&config.node_name, &config.node_ip.to_string(), endpoint.port());
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let inner = Inner {
            outfits: Outfits::new(&config),
            book: Mutex::new(Book::new(root, agent, Places::new(&config), found)),
            config,
            news: Notify::new(),
            started: Instant::now(),
            nested: Nested::default(),
            tokens,
            host: OnceLock::new(),
            events,
            runtime: OnceLock::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What containers of Mesos' Pods get before they start.
    pub fn outfitter(&self) -> Arc<dyn Outfitter> {
        Arc::new(self.clone())
    }

    /// The paths of the node protocol, for the kubelet's API.
    pub fn routes(&self) -> Router {
        crate::node::routes(self.clone())
    }

    /// Watches over executors and serves their API until `stop`.
    pub async fn run(self, runtime: ProcessRuntime, host: Arc<dyn Host>, stop: CancellationToken) {
        let mut events = runtime.events();
        // They are set once, here.
        let _ = self.inner.runtime.set(runtime);
        let _ = self.inner.host.set(host);
        self.find_early();
        self.look_at_all();
        let serve = self.clone().serve();
        let mut serve = std::pin::pin!(serve);
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(RuntimeEvent::Exited(id)) => self.container_ended(&id),
                    Ok(RuntimeEvent::Relist) | Err(broadcast::error::RecvError::Lagged(_)) => self.look_at_all(),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                _ = tick.tick() => {
                    let deeds = self.step(|book| book.tick(Instant::now()));
                    deeds.into_iter().for_each(|deed| self.carry_out(deed));
                }
                () = &mut serve => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Serves for ever. A port that another has is waited for: the node can do without.
    async fn serve(self) {
        let address = self.inner.config.listen;
        let mut told = false;
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => {
                    tracing::info!(%address, "the executor API is served");
                    if let Err(error) = axum::serve(listener, http::routes(self.clone())).await {
                        tracing::warn!(%error, "the executor API broke");
                    }
                }
                Err(error) if !std::mem::replace(&mut told, true) => {
                    tracing::error!(%address, %error, "custom executors cannot run here: their API's port is taken");
                }
                Err(_) => {}
            }
            tokio::time::sleep(LISTEN_RETRY).await;
        }
    }

    /// What runs our processes, once it does.
    pub(crate) fn runtime(&self) -> Option<&ProcessRuntime> {
        self.inner.runtime.get()
    }

    /// A step of the book; what it says is told before anybody else takes one.
    pub(crate) fn step<T>(&self, step: impl FnOnce(&mut Book) -> T) -> T {
        let mut book = self.inner.book.lock();
        let result = step(&mut book);
        for event in book.out.drain(..) {
            // Without a listener it is told when one comes.
            let _ = self.inner.events.send(event);
        }
        result
    }

    /// All there is, and from then on what happens.
    pub(crate) fn follow(&self) -> (Vec<node::Event>, broadcast::Receiver<node::Event>) {
        let book = self.inner.book.lock();
        (book.all(), self.inner.events.subscribe())
    }

    /// Tasks came for an executor whose process may be over already.
    pub(crate) fn launched(&self, key: &Key) {
        self.inner.news.notify_waiters();
        self.look_at(key);
    }

    /// The process of an executor may be over.
    pub(crate) fn look_at(&self, key: &Key) {
        let container = self.inner.book.lock().executors.get(key).and_then(|executor| executor.container.clone());
        if let Some(container) = container {
            self.container_ended(&container);
        }
    }

    pub(crate) fn carry_out(&self, Deed::Stop { container, grace }: Deed) {
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            let Some(runtime) = this.inner.runtime.get() else { return };
            if let Err(error) = runtime.stop_container(&container, 0).await {
                tracing::warn!(%container, %error, "an executor does not stop");
            }
        });
    }

    /// A container may have ended; if so, its executor has.
    fn container_ended(&self, id: &str) {
        let Some(runtime) = self.inner.runtime.get() else { return };
        let Some(end) = runtime.end(id).or_else(|| (!runtime.knows(id)).then(Default::default)) else { return };
        self.step(|book| {
            let ended = book.containers().into_iter().filter(|(_, container)| container == id);
            for (key, _) in ended {
                if let Err(error) = book.ended(&key, &end) {
                    tracing::error!(framework = key.0, executor = key.1, %error, "an end could not be written down");
                }
            }
        });
    }

    /// After a restart, executors may run whose first task has not come yet.
    fn find_early(&self) {
        for (container, sandbox) in self.inner.runtime.get().map(ProcessRuntime::running).unwrap_or_default() {
            if let Err(error) = self.bind(&container, &sandbox) {
                tracing::warn!(container, error, "an executor could not be taken over");
            }
        }
    }

    fn look_at_all(&self) {
        let containers = self.inner.book.lock().containers();
        containers.iter().for_each(|(_, container)| self.container_ended(container));
    }
}

impl Config {
    /// Where executors of this node find us.
    pub(crate) fn endpoint(&self) -> SocketAddr {
        let ip = if self.listen.ip().is_unspecified() { self.node_ip } else { self.listen.ip() };
        SocketAddr::new(ip, self.listen.port())
    }
}
