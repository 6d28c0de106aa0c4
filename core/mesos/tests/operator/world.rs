//! A master of three agents and one framework with one task, and a bridge that does what it is told but for what is named
//! `refused`.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use kubernel_kernel::{Availability, Input, Kind, Ranges, Resources, Shape, Traits, Unavailability};
use kubernel_ledger::Ledger;
use kubernel_mesos::{
    Access, Config, Door, OperatorDeed, Refused, Work,
    book::{FrameworkRecord, RecoveredTask},
    master,
};
use kubernel_mesos_proto::v1::{
    FrameworkID, FrameworkInfo, Label, Labels, Resource, Scalar, TaskID, TaskInfo, TaskState, TaskStatus,
};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A master.
pub(crate) struct World {
    pub(crate) door: Door,
    pub(crate) router: Router,
    /// What operators had done.
    pub(crate) deeds: Arc<Mutex<Vec<OperatorDeed>>>,
    stop: CancellationToken,
}

impl World {
    pub(crate) fn new(access: Access) -> Self {
        let ledger = Arc::new(Ledger::default());
        for (at, name) in (1..).zip(["agent-1", "agent-2", "agent-3"]) {
            add_agent(&ledger, name, at);
        }
        ledger.step(Input::SetRole { path: "team".into(), weight_milli: 2_500 });
        let mut config = Config::new("m", "localhost", IpAddr::from([127, 0, 0, 1]), 5050);
        config.authorizer = access.acls.clone();
        config.limits = access.limits.clone();
        let (sender, work) = mpsc::channel(64);
        let door = Door::new(ledger.clone(), config, sender);
        door.recover(vec![framework("m-0000")], vec![task("m-0000", "task-1")]);
        let (deeds, stop) = (Arc::default(), CancellationToken::new());
        tokio::spawn(obey(work, Arc::clone(&deeds)));
        tokio::spawn({
            let (door, stop) = (door.clone(), stop.clone());
            async move { door.run(stop).await }
        });
        let task_id = TaskID { value: "task-1".to_owned() };
        let status = TaskStatus { task_id, state: TaskState::Running, timestamp: Some(100.5), ..TaskStatus::default() };
        door.update("agent-1", "m-0000", status);
        let router = master(door.clone(), access);
        Self { door, router, deeds, stop }
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn obey(mut work: mpsc::Receiver<Work>, deeds: Arc<Mutex<Vec<OperatorDeed>>>) {
    while let Some(work) = work.recv().await {
        match work {
            Work::FrameworkChanged { done: Some(done), .. } => drop(done.send(Ok(()))),
            Work::Operator { what, done } => {
                let refused = format!("{what:?}").contains("refused");
                deeds.lock().push(what);
                let _ = done.send(match refused {
                    true => Err(Refused { status: 409, message: "not now".to_owned() }),
                    false => Ok(()),
                });
            }
            _ => {}
        }
    }
}

/// The first is as others are, the second will not be there at some time, the third is not there now.
fn add_agent(ledger: &Ledger, name: &str, number: u8) {
    ledger.act(|books, now| {
        let mut total = Resources::new(8_000, 16 << 30, 32 << 30, 110);
        let ports = books.kind(&Kind { shape: Shape::Ranges, ..Kind::plain("ports") }).unwrap();
        total.set_items(ports, Ranges::interval(31_000, 32_000));
        books.step(now, Input::AddAgent { name: name.into(), total, availability: Availability::Open });
        let agent = books.state().agent_id(name).unwrap();
        let traits = Arc::new(Traits { hostname: Some(format!("127.0.0.{number}").into()), ..Traits::default() });
        books.step(now, Input::DescribeAgent { agent, traits });
        if number > 1 {
            let unavailability = Some(Unavailability { start_ns: 1_000, duration_ns: None });
            books.step(now, Input::ScheduleAgent { agent, unavailability });
        }
        if number > 2 {
            books.step(now, Input::DrainAgent { agent, grace_ms: Some(2_000), mark_gone: false });
        }
    });
    ledger.set_since(name, Some("1970-01-01T00:01:00Z"));
}

fn framework(id: &str) -> FrameworkRecord {
    let info = FrameworkInfo {
        user: "me".to_owned(),
        name: "maker".to_owned(),
        id: Some(FrameworkID { value: id.to_owned() }),
        failover_timeout: 3_600.0,
        role: Some("team".to_owned()),
        principal: Some("alice".to_owned()),
        ..FrameworkInfo::default()
    };
    FrameworkRecord { id: id.to_owned(), info: Arc::new(info), registered: 90.0, ..FrameworkRecord::default() }
}

fn task(framework: &str, name: &str) -> RecoveredTask {
    let scalar =
        |name: &str, value| Resource { name: name.to_owned(), scalar: Some(Scalar { value }), ..Resource::default() };
    let label = Label { key: "of".to_owned(), value: Some("web".to_owned()) };
    RecoveredTask {
        framework: framework.to_owned(),
        agent: "agent-1".to_owned(),
        role: "team".to_owned(),
        info: TaskInfo {
            name: "a task".to_owned(),
            task_id: TaskID { value: name.to_owned() },
            resources: vec![scalar("cpus", 1.5), scalar("mem", 512.0)],
            labels: Some(Labels { labels: vec![label] }),
            ..TaskInfo::default()
        },
        executor: None,
        group: false,
        state: TaskState::Staging,
    }
}
