//! The protocol table: conversations of frameworks with the door, in `data/*.json`, each in JSON and in protobuf.
//!
//! A case is a list of steps. `send` is a call (its `framework_id` and stream are filled in unless given), answered with
//! `status` and the words `says`; `hears` is all that a framework has heard since, each a part of what came; `work` all
//! that the bridge was asked. `$x` is bound where it stands first and compared after that; `*` is anything. What acts
//! without a framework: `update`, `exited`, `message`, `wait_ms`, `agent`, `lost`, `gone`, `unavailable`, `close`,
//! `recover` (what was there before; in a case that is `closed`), `flood` (megabytes from an executor).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

mod world;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, header};
use kubernel_kernel::{Input, Unavailability};
use kubernel_mesos::{
    Encoding,
    book::{FrameworkRecord, RecoveredTask},
};
use kubernel_mesos_proto::{
    Message,
    scheduler::Call,
    v1::{FrameworkInfo, TaskInfo, TaskState, TaskStatus},
};
use serde_json::{Value, json};
use world::{World, said};

#[test]
fn conversations_go_as_the_table_says() {
    let mut cases = 0;
    let mut wrong = Vec::new();
    let mut files: Vec<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scheduler"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let table: Vec<Value> = serde_json::from_str(&fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for case in &table {
            for encoding in [Encoding::Json, Encoding::Protobuf] {
                let only = case["only"].as_str();
                if only.is_some_and(|only| only != format!("{encoding:?}")) {
                    continue;
                }
                cases += 1;
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
                if let Err(why) = runtime.block_on(run(case, encoding)) {
                    let name = case["name"].as_str().unwrap_or_default();
                    wrong.push(format!("{}: {name} ({encoding:?}): {why}", file.file_name().unwrap().display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases >= 200, "only {cases} cases were found");
}

async fn run(case: &Value, encoding: Encoding) -> Result<(), String> {
    let agents = usize::try_from(case["agents"].as_u64().unwrap_or(1)).unwrap();
    let mut talk = Talk { world: World::closed(encoding, agents).await, bound: BTreeMap::new() };
    if case["closed"] != true {
        talk.world.door.recover(Vec::new(), Vec::new());
    }
    for (at, step) in case["steps"].as_array().ok_or("no steps")?.iter().enumerate() {
        talk.step(step).await.map_err(|why| format!("step {at} {}: {why}", short(step)))?;
    }
    Ok(())
}

fn short(step: &Value) -> String {
    step.to_string().chars().take(90).collect()
}

struct Talk {
    world: World,
    bound: BTreeMap<String, Value>,
}

impl Talk {
    async fn step(&mut self, step: &Value) -> Result<(), String> {
        let name = step["as"].as_str().unwrap_or("f").to_owned();
        let agent = step["on"].as_str().unwrap_or("agent-1");
        if let Some(info) = step.get("subscribe") {
            return self.subscribe(&name, info, step).await;
        }
        if let Some(call) = step.get("send") {
            return self.call(&name, call, step).await;
        }
        if let Some(body) = step.get("raw") {
            let body = body.as_str().map_or_else(|| hex(&body["hex"]), |text| text.as_bytes().to_vec());
            return self.request(&name, body, step).await;
        }
        if let Some(expected) = step.get("hears") {
            let heard = self.world.heard(&name);
            let (expected, heard) = (expected.clone(), Value::Array(heard));
            return self.matches(&expected, &heard).map_err(|why| format!("{why} in {heard}"));
        }
        if let Some(expected) = step.get("work") {
            let worked = json!(self.world.worked());
            return self.matches(&expected.clone(), &worked).map_err(|why| format!("{why} in {worked}"));
        }
        if let Some(status) = step.get("update") {
            let status = self.fill(status);
            let status = TaskStatus::from_value(&status).map_err(|error| error.to_string())?;
            self.world.door.update(agent, &self.id(&name), status);
        } else if let Some(executor) = step["exited"].as_str() {
            let status = i32::try_from(step["status"].as_i64().unwrap_or(0)).unwrap();
            self.world.door.executor_exited(agent, &self.id(&name), executor, status);
        } else if let Some(executor) = step["message"].as_str() {
            self.world.door.message(agent, &self.id(&name), executor, b"hi".to_vec());
        } else if let Some(ms) = step["wait_ms"].as_u64() {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        } else if let Some(agent) = step["agent"].as_str() {
            self.world.add_agent(agent);
        } else if let Some(agent) = step["lost"].as_str() {
            let agent = self.world.ledger.read(|state| state.agent_id(agent)).ok_or("no such agent")?;
            self.world.ledger.step(Input::LoseAgent { agent });
            tokio::time::sleep(Duration::from_millis(1)).await;
        } else if let Some(agent) = step["gone"].as_str() {
            self.world.ledger.step(Input::MarkGone { name: agent.into() });
        } else if let Some(agent) = step["unavailable"].as_str() {
            let agent = self.world.ledger.read(|state| state.agent_id(agent)).ok_or("no such agent")?;
            let unavailability = Some(Unavailability { start_ns: 1_000, duration_ns: Some(2_000) });
            self.world.ledger.step(Input::ScheduleAgent { agent, unavailability });
        } else if let Some(before) = step.get("recover") {
            self.recover(before)?;
        } else if let Some(count) = step["flood"].as_u64() {
            for _ in 0..count {
                self.world.door.message(agent, &self.id(&name), "e", vec![0; 1 << 20]);
            }
        } else if let Some(name) = step["close"].as_str() {
            self.world.close(name).await;
        } else {
            return Err("no such step".to_owned());
        }
        self.world.settle().await;
        Ok(())
    }

    /// Opens the door with frameworks, by what they say of themselves, and tasks.
    fn recover(&mut self, before: &Value) -> Result<(), String> {
        let records = before["frameworks"].as_array().into_iter().flatten().map(|info| {
            let info = FrameworkInfo::from_value(info).map_err(|error| error.to_string())?;
            let id = info.id.clone().unwrap_or_default().value;
            Ok(FrameworkRecord { id, info: Arc::new(info), ..FrameworkRecord::default() })
        });
        let records = records.collect::<Result<Vec<_>, String>>()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let tasks = before["tasks"].as_array().into_iter().flatten().map(|task| {
            Ok(RecoveredTask {
                framework: text(&task["framework"]),
                agent: text(&task["agent"]),
                role: "*".to_owned(),
                info: TaskInfo::from_value(&task["info"]).map_err(|error| error.to_string())?,
                executor: None,
                group: false,
                state: TaskState::from_name(&text(&task["state"])).ok_or("no such state")?,
            })
        });
        let tasks = tasks.collect::<Result<Vec<_>, String>>()?;
        self.world.door.recover(records, tasks);
        Ok(())
    }

    /// Subscribes, and expects SUBSCRIBED unless the step says what is heard.
    async fn subscribe(&mut self, name: &str, info: &Value, step: &Value) -> Result<(), String> {
        let mut framework = json!({"user": "me", "name": "test"});
        let info = self.fill(info);
        framework.as_object_mut().unwrap().extend(info.as_object().cloned().unwrap_or_default());
        let mut call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": framework}});
        if let Some(id) = framework.get("id") {
            call["framework_id"] = id.clone();
        }
        for extra in ["suppressed_roles", "offer_constraints"] {
            if let Some(value) = step.get(extra) {
                call["subscribe"][extra] = value.clone();
            }
        }
        let request = self.made(name, self.encoded(&call)?, step, true);
        let response = self.world.send(request, step["principal"].as_str()).await;
        if response.status() != 200 {
            let said = said(response).await;
            return Err(format!("{} {}", said.status, said.text));
        }
        self.world.listen(name, response).await;
        let heard = Value::Array(self.world.heard(name));
        if let Some(expected) = step.get("hears") {
            return self.matches(&expected.clone(), &heard).map_err(|why| format!("{why} in {heard}"));
        }
        if heard[0]["type"] != "SUBSCRIBED" {
            return Err(format!("{heard}"));
        }
        let id = heard[0]["subscribed"]["framework_id"]["value"].as_str().unwrap_or_default().to_owned();
        self.bound.insert(format!("${name}"), Value::String(id.clone()));
        self.world.listeners.get_mut(name).unwrap().id = id;
        let rest = Value::Array(heard.as_array().unwrap()[1..].to_vec());
        match step.get("then") {
            Some(expected) => self.matches(&expected.clone(), &rest).map_err(|why| format!("{why} in {rest}")),
            None => Ok(()),
        }
    }

    async fn call(&mut self, name: &str, call: &Value, step: &Value) -> Result<(), String> {
        let mut call = self.fill(call);
        if call.get("framework_id").is_none() && self.world.listeners.contains_key(name) {
            call["framework_id"] = json!({"value": self.id(name)});
        }
        let body = self.encoded(&call)?;
        self.request(name, body, step).await
    }

    async fn request(&mut self, name: &str, body: Vec<u8>, step: &Value) -> Result<(), String> {
        let request = self.made(name, body, step, false);
        let response = self.world.send(request, step["principal"].as_str()).await;
        let said = said(response).await;
        let expected = step["status"].as_u64().unwrap_or(202);
        if u64::from(said.status) != expected {
            return Err(format!("{} instead of {expected}: {}", said.status, said.text));
        }
        if let Some(headers) = step["answers"].as_object() {
            for (header, value) in headers {
                if said.headers.get(header).and_then(|value| value.to_str().ok()) != value.as_str() {
                    return Err(format!("{:?}", said.headers));
                }
            }
        }
        match step.get("says") {
            None if expected < 300 && step.get("replies").is_none() && !said.text.is_empty() => Err(said.text),
            None => self.reply(step, &said.text),
            Some(words) if self.fill(words) == said.text => Ok(()),
            Some(_) => Err(format!("says {:?}", said.text)),
        }
    }

    fn reply(&mut self, step: &Value, text: &str) -> Result<(), String> {
        let Some(expected) = step.get("replies") else { return Ok(()) };
        let reply: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        self.matches(&expected.clone(), &reply).map_err(|why| format!("{why} in {reply}"))
    }

    fn made(&self, name: &str, body: Vec<u8>, step: &Value, subscribes: bool) -> Request<Body> {
        let media = self.world.encoding.media_type();
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        headers.insert("content-type".to_owned(), media.to_owned());
        if subscribes {
            headers.insert("accept".to_owned(), media.to_owned());
        } else if let Some(listener) = self.world.listeners.get(name) {
            headers.insert("mesos-stream-id".to_owned(), listener.stream_id.clone());
        }
        for (name, value) in step["headers"].as_object().into_iter().flatten() {
            match value.as_str() {
                Some(value) => drop(headers.insert(name.to_lowercase(), value.to_owned())),
                None => drop(headers.remove(&name.to_lowercase())),
            }
        }
        let method = step["method"].as_str().unwrap_or("POST");
        let path = step["path"].as_str().unwrap_or("/api/v1/scheduler");
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(Body::from(body)).unwrap()
    }

    fn encoded(&self, call: &Value) -> Result<Vec<u8>, String> {
        match self.world.encoding {
            Encoding::Json => Ok(call.to_string().into_bytes()),
            Encoding::Protobuf => Ok(Call::from_value(call).map_err(|error| error.to_string())?.encode()),
        }
    }

    fn id(&self, name: &str) -> String {
        self.world.listeners.get(name).map(|listener| listener.id.clone()).unwrap_or_default()
    }

    /// A value with what is bound put in.
    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.starts_with('$') && self.bound.contains_key(text) => self.bound[text].clone(),
            Value::String(text) => {
                let filled = self.bound.iter().fold(text.clone(), |text, (name, value)| {
                    text.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default())
                });
                Value::String(filled)
            }
            Value::Array(all) => all.iter().map(|one| self.fill(one)).collect(),
            Value::Object(all) => {
                Value::Object(all.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect())
            }
            other => other.clone(),
        }
    }

    /// Whether all that is expected is there; arrays as long as expected.
    fn matches(&mut self, expected: &Value, found: &Value) -> Result<(), String> {
        match (expected, found) {
            (Value::String(any), _) if any == "*" => Ok(()),
            (Value::String(name), found) if name.starts_with('$') => {
                let bound = self.bound.entry(name.clone()).or_insert_with(|| found.clone());
                if bound == found { Ok(()) } else { Err(format!("{name} is {bound}, not {found}")) }
            }
            (Value::String(_), found) if self.fill(expected) == *found => Ok(()),
            (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
                expected.iter().zip(found).try_for_each(|(expected, found)| self.matches(expected, found))
            }
            (Value::Object(expected), Value::Object(found)) => expected.iter().try_for_each(|(name, expected)| {
                let nothing = Value::Null;
                let found = found.get(name).unwrap_or(&nothing);
                self.matches(expected, found).map_err(|why| format!("{name}: {why}"))
            }),
            (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => Ok(()),
            (expected, found) if expected == found => Ok(()),
            (expected, found) => Err(format!("expected {expected}, found {found}")),
        }
    }
}

fn hex(value: &Value) -> Vec<u8> {
    let digits: Vec<u8> = value.as_str().unwrap().bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
