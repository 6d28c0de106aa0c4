//! Frameworks over plain HTTP: they come back, stay away, and behave badly. Nodes run nothing here; Pods are as always.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use kubernel_e2e::Hollow;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/mesos_scheduler.py");
/// Offers end soon here: who hoards them shows what he can.
const ARGUMENTS: [&str; 6] = ["--mesos-heartbeat", "1s", "--mesos-offer-timeout", "2s", "--mesos-roles", "*"];
/// What the control plane may hold more after all of the bad behaviour, in bytes: one reader's backlog, and bodies in hand.
const MEMORY_MORE_MAX: u64 = 400 << 20;

/// A framework that behaves as it was told.
struct Scheduler {
    child: Child,
    lines: Receiver<String>,
}

impl Scheduler {
    fn start(hollow: &Hollow, arguments: &[&str]) -> Self {
        let mut command = Command::new("timeout");
        command.args(["100", "python3", SCRIPT, &hollow.mesos()]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (to, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
        Self { child, lines }
    }

    /// Waits until it says a line that begins so; returns what follows.
    fn says(&self, start: &str) -> String {
        let mut said = Vec::new();
        while let Ok(line) = self.lines.recv() {
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
            said.push(line);
        }
        panic!("it never said {start:?}, but {said:?}");
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number in a framework's identifier.
fn number(id: &str) -> u32 {
    id.rsplit('-').next().unwrap().parse().unwrap()
}

#[test]
fn a_framework_finds_all_again_or_is_torn_down() {
    let hollow = Hollow::start("return", 3, &ARGUMENTS);
    let admin = hollow.admin();
    let first = Scheduler::start(&hollow, &["leaves"]).says("id");
    admin.until("kubectl get frameworks -o jsonpath='{.items[*].status.connected}' | grep -c true", "1");
    let pods = "kubectl get pods -l mesos.kernel.kubernel.io/task --no-headers | wc -l";
    assert_eq!(admin.ok(pods), "2");
    // Nobody listens while the control plane dies, twice.
    for _ in 0..2 {
        hollow.kill();
        hollow.serve(&ARGUMENTS);
    }
    let back = Scheduler::start(&hollow, &["returns", &first]);
    back.says("left-");
    back.says("left-");
    assert_eq!(back.says("id"), first);
    back.says("left-0 TASK_KILLED");
    drop(back);
    admin.until("kubectl get frameworks -o name | grep -c framework.kernel", "1");
    admin.until(pods, "0");
    // Its number is never given again, though nothing of it is left.
    let second = Scheduler::start(&hollow, &["comes"]).says("id");
    hollow.kill();
    hollow.serve(&ARGUMENTS);
    let third = Scheduler::start(&hollow, &["comes"]).says("id");
    assert!(number(&first) < number(&second) && number(&second) < number(&third), "{first} {second} {third}");
}

#[test]
fn shares_are_as_weights_say() {
    let hollow = Hollow::start("shares", 3, &["--mesos-heartbeat", "1s"]);
    let admin = hollow.admin();
    let role = |name: &str, weight: u32| {
        format!(
            "echo '{{\"apiVersion\": \"kernel.kubernel.io/v1alpha1\", \"kind\": \"ResourceRole\", \
             \"metadata\": {{\"name\": \"{name}\"}}, \"spec\": {{\"weight\": {weight}}}}}' | kubectl apply -f -"
        )
    };
    admin.ok(&role("heavy", 3));
    admin.ok(&role("light", 1));
    let _frameworks = Scheduler::start(&hollow, &["share", "light", "heavy"]);
    admin.until("kubectl get resourcerole heavy -o jsonpath='{.status.dominantShare}'", "0.75");
    admin.until("kubectl get resourcerole light -o jsonpath='{.status.dominantShare}'", "0.25");
}

/// What a framework does, and what it is told; nothing where it is told nothing.
const HOSTILE: [(&str, &str); 11] = [
    ("hoards", "an offer was taken back"),
    ("declines", "declined 202"),
    ("never_acknowledges", "silent-0 TASK_RUNNING"),
    ("floods", "answers 202"),
    ("sends_garbage", "answers 400 415"),
    ("subscribes_twice", "first: Framework failed over"),
    ("claims_a_foreign_role", "Not authorized to use roles '{ crown }'"),
    ("accepts_a_rescinded_offer", "TASK_LOST REASON_INVALID_OFFERS"),
    ("launches_more_than_offered", "TASK_ERROR REASON_TASK_INVALID"),
    ("sends_huge_messages", "answers 413"),
    ("does_not_read", "cut off: 403"),
];

#[test]
fn who_behaves_badly_is_told_and_harms_nobody() {
    let hollow = Hollow::start("hostile", 3, &ARGUMENTS);
    Scheduler::start(&hollow, &["works"]).says("works 202");
    let before = hollow.memory();
    for (behaviour, told) in HOSTILE {
        let bad = Scheduler::start(&hollow, &[behaviour]);
        let good = Scheduler::start(&hollow, &["works"]);
        println!("{behaviour}");
        bad.says(told);
        good.says("works 202");
    }
    let after = hollow.memory();
    assert!(after < before + MEMORY_MORE_MAX, "{before} bytes before, {after} after");
}

/// Deeds of operators, how they show afterwards in the API and in Mesos', and that they still do after a restart.
const SETTLED: [(&str, &str, &str); 2] = [
    (
        r#"{"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [{"role": "shop", "weight": 2.5}]}}"#,
        "kubectl get resourcerole shop -o jsonpath='{.spec.weight}'",
        "2.5",
    ),
    (
        r#"{"type": "UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule": {"schedule": {"windows": [{
            "machine_ids": [{"hostname": "hollow-0"}],
            "unavailability": {"start": {"nanoseconds": 4102444800000000000}, "duration": {"nanoseconds": 3600000000000}}
        }]}}}"#,
        r"kubectl get node hollow-0 -o jsonpath='{.metadata.annotations.kernel\.kubernel\.io/unavailability}'",
        "2100-01-01T00:00:00Z/PT1H",
    ),
];

#[test]
fn what_operators_settle_outlives_the_control_plane() {
    let hollow = Hollow::start("settled", 2, &ARGUMENTS);
    let admin = hollow.admin();
    let ask = |call: &str| {
        format!(
            "curl -s --fail-with-body -H 'Content-Type: application/json' -d '{call}' http://{}/api/v1",
            hollow.mesos()
        )
    };
    for (call, shown, expected) in SETTLED {
        admin.ok(&ask(call));
        assert_eq!(admin.ok(shown), expected, "{call}");
    }
    let weight = format!("{} | grep -o '\"weight\":2.5'", ask(r#"{"type": "GET_WEIGHTS"}"#));
    let scheduled = format!("{} | grep -o 4102444800000000000 | wc -l", ask(r#"{"type": "GET_MAINTENANCE_SCHEDULE"}"#));
    admin.until(&weight, "\"weight\":2.5");
    assert_eq!(admin.ok(&scheduled), "1");
    hollow.kill();
    hollow.serve(&ARGUMENTS);
    admin.until(&weight, "\"weight\":2.5");
    admin.until(&scheduled, "1");
    // A machine that is down stays so as well.
    let machine = r#""machines": [{"hostname": "hollow-0"}]"#;
    let state = |call: &str, field: &str| format!(r#"{{"type": "{call}", "{field}": {{{machine}}}}}"#);
    admin.ok(&ask(&state("START_MAINTENANCE", "start_maintenance")));
    let down = format!("{} | grep -o down_machines | wc -l", ask(r#"{"type": "GET_MAINTENANCE_STATUS"}"#));
    admin.until(&down, "1");
    hollow.kill();
    hollow.serve(&ARGUMENTS);
    admin.until(&down, "1");
    admin.ok(&ask(&state("STOP_MAINTENANCE", "stop_maintenance")));
    admin.until(&down, "0");
    admin.until(&scheduled, "0");
    // What runs on an agent that does not come back ends, though the agent answers.
    Scheduler::start(&hollow, &["leaves"]).says("id");
    let task = "kubectl get pods -l mesos.kernel.kubernel.io/task";
    let agent = admin.ok(&format!("{task} -o jsonpath='{{.items[0].spec.nodeName}}'"));
    admin.ok(&ask(&format!(
        r#"{{"type": "MARK_AGENT_GONE", "mark_agent_gone": {{"agent_id": {{"value": "{agent}"}}}}}}"#
    )));
    admin.until(&format!("{task} --no-headers | wc -l"), "0");
}
