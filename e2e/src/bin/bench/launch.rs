//! How many tasks a second one framework launches through the Mesos HTTP API: each becomes a durable Pod on a simulated
//! node, and its updates are acknowledged. Once with the simulated nodes held still until all Pods are made, for they take
//! cores from the control plane that real nodes have of their own; and once with everything going on at once.

use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::bind::nodes_ready;
use crate::figures::{print, print_rate};
use crate::watch::{open, receive};
use kubernel_e2e::Result;
use kubernel_e2e::process::{Process, Server};

const NODES: usize = 1_000;
const TASKS: usize = 20_000;
/// Tasks that an offer is answered with.
const PER_OFFER: usize = 20;
/// Connections over which updates are acknowledged.
const CONNECTIONS: usize = 4;
const EVENT_WAIT: Duration = Duration::from_secs(20);
/// Pods of tasks, in the namespace of roles that have none.
const PODS: &str = "/api/v1/namespaces/default/pods?labelSelector=mesos.kernel.kubernel.io%2Fframework";

/// Measures.
pub(crate) async fn run(binary: &Path, folder: &Path) -> Result<()> {
    for (held, name) in [(true, "launched"), (false, "at_once")] {
        measure(binary, &folder.join(name), held).await?;
    }
    Ok(())
}

/// Measures once. `held`: no simulated node does anything until all Pods are made.
async fn measure(binary: &Path, folder: &Path, held: bool) -> Result<()> {
    let door = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let server = Server::start(binary, folder, &["--mesos-listen", &door.to_string()])?;
    let target = server.ready().await?;
    let kubeconfig = server.kubeconfig();
    let kubeconfig = kubeconfig.to_str().ok_or("a folder whose name is not UTF-8")?;
    let arguments = ["hollow", "--nodes", &NODES.to_string(), "--kubeconfig", kubeconfig];
    let hollow = Process::start(binary, &arguments, &folder.join("hollow.log"))?;
    nodes_ready(&mut target.connect().await?, NODES).await?;
    let mut pods = open(&target, PODS, None).await?;
    let before = server.process.cpu_secs()?;
    if held {
        hollow.hold()?;
    }
    let name = format!("Mesos, one framework, {TASKS} tasks on {NODES} nodes{}", if held { " held still" } else { "" });
    let per_task = |secs: f64| format!("{:.3}", secs * 1e3 / TASKS as f64);
    let follow = async {
        let (mut made, mut running) = (HashSet::new(), HashSet::new());
        let (mut last_made, mut last_running) = (None, None);
        while running.len() < TASKS {
            let seen = receive(&mut pods).await?;
            if seen.running && running.insert(seen.name.clone()) {
                last_running = Some(seen.at);
            }
            if made.insert(seen.name) && made.len() == TASKS {
                last_made = Some(seen.at);
                if held {
                    let cpu = per_task(server.process.cpu_secs()? - before);
                    print(&format!("{name}, CPU of the control plane"), cpu, "ms per task");
                    hollow.go_on()?;
                }
            }
        }
        Result::<_>::Ok((last_made, last_running))
    };
    let (told, followed) = tokio::join!(framework(door), follow);
    let ((begin, told), (made, running)) = (told?, followed?);
    let since = |at: Option<Instant>| at.unwrap_or(begin).duration_since(begin);
    print_rate(&format!("{name}, launched, Pods durable"), TASKS, since(made));
    if held {
        return Ok(());
    }
    print_rate(&format!("{name}, launched and running"), TASKS, since(running));
    print_rate(&format!("{name}, running, told and acknowledged"), TASKS, told.duration_since(begin));
    print(&format!("{name}, CPU of the control plane"), per_task(server.process.cpu_secs()? - before), "ms per task");
    print(&format!("{name}, CPU of the simulated nodes"), per_task(hollow.cpu_secs()?), "ms per task");
    Ok(())
}

/// Launches all tasks as offers come; when it began with the first, and when it knew of the last that it runs.
async fn framework(door: SocketAddr) -> Result<(Instant, Instant)> {
    let framework = json!({"user": "root", "name": "bench", "roles": ["*"], "capabilities": [{"type": "MULTI_ROLE"}]});
    let subscribe = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": framework}});
    let mut stream = connect(door).await?;
    let response = stream.send_request(post(None, &subscribe)?).await?;
    let id = response.headers().get("Mesos-Stream-Id").ok_or("a stream without an id")?.to_str()?.to_owned();
    let (records, mut events) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let _stream = stream;
        // The receiver learns that the stream is over.
        drop(read(response, &records).await);
    });
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        callers.push(caller(door, id.clone()).await?);
    }
    let mut framework_id = Value::Null;
    let (mut begin, mut next, mut running) = (None, 0, HashSet::new());
    let mut turn = 0;
    loop {
        let event = tokio::time::timeout(EVENT_WAIT, events.recv())
            .await
            .map_err(|_| format!("nothing comes any more: {next} launched, {} known to run", running.len()))?;
        let event = event.ok_or("the stream of events ended")?;
        match event["type"].as_str().unwrap_or_default() {
            "SUBSCRIBED" => framework_id = event["subscribed"]["framework_id"].clone(),
            "OFFERS" => {
                for offer in event["offers"]["offers"].as_array().into_iter().flatten() {
                    let count = PER_OFFER.min(TASKS - next);
                    begin.get_or_insert_with(Instant::now);
                    let tasks: Vec<Value> =
                        (next..next + count).map(|number| task(number, &offer["agent_id"])).collect();
                    next += count;
                    let operations = json!([{"type": "LAUNCH", "launch": {"task_infos": tasks}}]);
                    let accept = json!({
                        "offer_ids": [offer["id"]], "operations": operations, "filters": {"refuse_seconds": 0},
                    });
                    let call = json!({"type": "ACCEPT", "framework_id": framework_id, "accept": accept});
                    callers[turn % CONNECTIONS].send(call)?;
                    turn += 1;
                }
            }
            "UPDATE" => {
                let status = &event["update"]["status"];
                let task = status["task_id"]["value"].as_str().unwrap_or_default();
                if status["state"] == "TASK_RUNNING" {
                    running.insert(task.to_owned());
                } else if status["state"] != "TASK_STARTING" {
                    return Err(format!("a task did not start: {status}").into());
                }
                let known =
                    json!({"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]});
                let call = json!({"type": "ACKNOWLEDGE", "framework_id": framework_id, "acknowledge": known});
                callers[turn % CONNECTIONS].send(call)?;
                turn += 1;
                if running.len() == TASKS {
                    return Ok((begin.ok_or("no offer")?, Instant::now()));
                }
            }
            _ => {}
        }
    }
}

fn task(number: usize, agent: &Value) -> Value {
    let scalar = |name: &str, value: f64| json!({"name": name, "type": "SCALAR", "scalar": {"value": value}});
    json!({
        "name": "bench", "task_id": {"value": format!("task-{number}")}, "agent_id": agent,
        "command": {"value": "sleep 1000"}, "resources": [scalar("cpus", 0.01), scalar("mem", 8.0)],
    })
}

async fn connect(door: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(door).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn post(stream: Option<&str>, body: &Value) -> Result<Request<Full<Bytes>>> {
    let mut request =
        Request::post("/api/v1/scheduler").header("Host", "bench").header("Content-Type", "application/json");
    request = match stream {
        Some(id) => request.header("Mesos-Stream-Id", id),
        None => request.header("Accept", "application/json"),
    };
    Ok(request.body(Full::from(body.to_string()))?)
}

/// Makes calls one after the other.
async fn caller(door: SocketAddr, stream: String) -> Result<mpsc::UnboundedSender<Value>> {
    let mut sender = connect(door).await?;
    let (calls, mut waiting) = mpsc::unbounded_channel::<Value>();
    tokio::spawn(async move {
        while let Some(call) = waiting.recv().await {
            if let Err(error) = make(&mut sender, &stream, &call).await {
                // Whoever has what it wanted does not mind that the rest is not heard.
                if !waiting.is_closed() {
                    eprintln!("bench: {}: {error}", call["type"]);
                }
                return;
            }
        }
    });
    Ok(calls)
}

async fn make(sender: &mut SendRequest<Full<Bytes>>, stream: &str, call: &Value) -> Result<()> {
    sender.ready().await?;
    let response = sender.send_request(post(Some(stream), call)?).await?;
    let status = response.status();
    let text = response.into_body().collect().await?.to_bytes();
    match status {
        StatusCode::ACCEPTED => Ok(()),
        _ => Err(format!("{status}: {}", String::from_utf8_lossy(&text)).into()),
    }
}

/// Takes RecordIO apart.
async fn read(response: Response<Incoming>, records: &mpsc::UnboundedSender<Value>) -> Result<()> {
    let mut body = response.into_body();
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        buffer.extend_from_slice(&data);
        while let Some(end) = buffer.iter().take(20).position(|byte| *byte == b'\n') {
            let length: usize = std::str::from_utf8(&buffer[..end])?.parse()?;
            if buffer.len() < end + 1 + length {
                break;
            }
            let record = buffer.split_to(end + 1 + length);
            if records.send(serde_json::from_slice(&record[end + 1..])?).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
