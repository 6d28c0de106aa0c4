//! A door to see the wire: `cargo run -p kubernel-mesos --example door -- 127.0.0.1:5050 [HEARTBEAT_MS]`.
//!
//! Two agents that are not there, and a bridge that runs nothing: each task is said to start, to run and to have
//! finished as soon as the framework acknowledges what was said before.

use std::{collections::HashMap, error::Error, net::SocketAddr, sync::Arc, time::Duration};

use kubernel_kernel::{Availability, Input, Kind, Ranges, Resources, Shape, Traits};
use kubernel_ledger::Ledger;
use kubernel_mesos::{Access, Config, Door, Work, master, serve};
use kubernel_mesos_proto::v1::{TaskID, TaskState, TaskStatus, TaskStatusSource};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

const LIFE: [TaskState; 3] = [TaskState::Starting, TaskState::Running, TaskState::Finished];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().as_deref().unwrap_or("127.0.0.1:5050").parse()?;
    let heartbeat_ms: u64 = arguments.next().as_deref().unwrap_or("1000").parse()?;
    let listener = TcpListener::bind(address).await?;
    let ledger = Arc::new(Ledger::default());
    let mut config = Config::new("door", "localhost", address.ip(), address.port());
    config.heartbeat = Duration::from_millis(heartbeat_ms);
    let (sender, work) = mpsc::channel(1_024);
    let door = Door::new(ledger.clone(), config, sender);
    door.recover(Vec::new(), Vec::new());
    for name in ["agent-1", "agent-2"] {
        add_agent(&ledger, name);
    }
    let stop = CancellationToken::new();
    tokio::spawn({
        let (door, stop) = (door.clone(), stop.clone());
        async move { door.run(stop).await }
    });
    tokio::spawn({
        let (ledger, stop) = (ledger.clone(), stop.clone());
        async move { ledger.keep_time(stop).await }
    });
    tokio::spawn(bridge(door.clone(), work));
    println!("the door is open at {address}");
    serve(listener, master(door, Access::default()), stop).await;
    Ok(())
}

fn add_agent(ledger: &Ledger, name: &str) {
    ledger.act(|books, now| {
        let mut total = Resources::new(8_000, 16 << 30, 32 << 30, 110);
        let ports = Kind { shape: Shape::Ranges, ..Kind::plain("ports") };
        if let Some(ports) = books.kind(&ports) {
            total.set_items(ports, Ranges::interval(31_000, 32_000));
        }
        books.step(now, Input::AddAgent { name: name.into(), total, availability: Availability::Open });
        if let Some(agent) = books.state().agent_id(name) {
            let traits = Arc::new(Traits { hostname: Some("localhost".into()), ..Traits::default() });
            books.step(now, Input::DescribeAgent { agent, traits });
        }
    });
}

/// Runs nothing.
async fn bridge(door: Door, mut work: mpsc::Receiver<Work>) {
    let mut lives: HashMap<(String, String), usize> = HashMap::new();
    while let Some(work) = work.recv().await {
        match work {
            Work::FrameworkChanged { done: Some(done), .. } => drop(done.send(Ok(()))),
            Work::Launch(launch) => {
                let framework = launch.framework.id.clone().unwrap_or_default().value;
                for task in &launch.tasks {
                    lives.insert((framework.clone(), task.task_id.value.clone()), 0);
                    say(&door, &launch.agent, &framework, &task.task_id.value, LIFE[0]);
                }
            }
            Work::Kill { framework, task, agent, .. } => say(&door, &agent, &framework, &task, TaskState::Killed),
            Work::Acknowledge { framework, task, agent, .. } => {
                let key = (framework, task);
                let Some(at) = lives.get_mut(&key) else { continue };
                *at += 1;
                match LIFE.get(*at) {
                    Some(state) => say(&door, &agent, &key.0, &key.1, *state),
                    None => drop(lives.remove(&key)),
                }
            }
            Work::Operator { what, done } => {
                println!("{what:?}");
                // Who asked may be gone.
                let _ = done.send(Ok(()));
            }
            other => println!("{other:?}"),
        }
    }
}

fn say(door: &Door, agent: &str, framework: &str, task: &str, state: TaskState) {
    let task_id = TaskID { value: task.to_owned() };
    let source = Some(TaskStatusSource::Executor);
    door.update(agent, framework, TaskStatus { task_id, state, source, ..TaskStatus::default() });
}
