//! Tasks from launch to end, in words.

use kubernel_mesos_proto::v1::TaskID;
use serde_json::{Value, json};

use super::*;

struct World {
    tasks: Tasks,
    pod: PodName,
    last: Option<Vec<u8>>,
    now: u64,
}

fn key(task: &str) -> Key {
    Key { framework: "f".into(), task: task.into() }
}

impl World {
    fn new(tasks: &[&str]) -> Self {
        let pod = PodName { namespace: "ns".into(), name: "p".into() };
        let mut world = Self { tasks: Tasks::default(), pod: pod.clone(), last: None, now: 0 };
        for task in tasks {
            let container = (*task).into();
            let (executor, shown) = (None, false);
            let (agent, checked) = ("n".into(), *task == "checked");
            let check = (*task == "probed").then(Box::default);
            let begun = Begun { key: key(task), agent, pod: pod.clone(), container, executor, shown, checked, check };
            world.tasks.begin(begun, false);
        }
        world
    }

    /// What the deeds are, in words; remembers what is to be acknowledged.
    fn words(&mut self, deeds: Vec<Deed>) -> Vec<String> {
        let mut out = Vec::new();
        for deed in deeds {
            out.push(match deed {
                Deed::Say { status, .. } => {
                    self.last = status.uuid.clone();
                    let health = match status.healthy {
                        Some(true) => " healthy",
                        Some(false) => " sick",
                        None => "",
                    };
                    let check = status.check_status.and_then(|check| check.command?.exit_code);
                    let check = check.map(|code| format!(" {code}")).unwrap_or_default();
                    format!("{} {:?}{health}{check}", status.task_id.value, status.state)
                }
                Deed::Delete { grace_secs, .. } => format!("delete {grace_secs:?}"),
                Deed::Ask { key } => format!("ask {}", key.task),
                Deed::Show { status, .. } => format!("show {:?}", status.state),
            });
        }
        out
    }

    fn saw(&mut self, status: Value) -> Vec<String> {
        let pod: TaskPod = serde_json::from_value(json!({"status": status})).unwrap_or_default();
        let deeds = self.tasks.saw(&self.pod.clone(), &pod, self.now);
        self.words(deeds)
    }

    fn acknowledge(&mut self, task: &str) -> Vec<String> {
        let uuid = self.last.clone().unwrap_or_default();
        let deeds = self.tasks.acknowledge(&key(task), &uuid, self.now);
        self.words(deeds)
    }
}

fn ended(task: &str, code: i32) -> Value {
    json!({"name": task, "state": {"terminated": {"exitCode": code}}})
}

#[test]
fn updates_are_said_one_at_a_time_until_they_are_known() {
    let mut world = World::new(&["t"]);
    assert_eq!(world.saw(json!({"phase": "Running"})), ["t Running"]);
    assert_eq!(world.saw(json!({"phase": "Running"})), [""; 0]);
    assert_eq!(world.saw(json!({"phase": "Succeeded", "containerStatuses": [ended("t", 0)]})), [""; 0]);
    assert_eq!(world.tasks.due_at(), Some(10_000));
    for (now, next) in [(10_000, 30_000), (30_000, 70_000)] {
        world.now = now;
        let deeds = world.tasks.due(now);
        assert_eq!(world.words(deeds), ["t Running"]);
        assert_eq!(world.tasks.due_at(), Some(next));
    }
    assert_eq!(world.acknowledge("t"), ["t Finished"]);
    let stale = world.tasks.acknowledge(&key("t"), b"what", 0);
    assert_eq!(stale, []);
    assert_eq!(world.acknowledge("t"), [""; 0]);
    assert!(world.tasks.len() == 0 && world.tasks.due_at().is_none());
    assert_eq!(world.tasks.completed.iter().collect::<Vec<_>>(), [&world.pod]);
}

#[test]
fn a_pod_in_the_making_cannot_be_missed() {
    let mut world = World::new(&["t"]);
    assert_eq!(world.tasks.made().count(), 0);
    world.tasks.created(&world.pod.clone());
    assert_eq!(world.tasks.made().collect::<Vec<_>>(), [&world.pod]);
    world.tasks.gone(&world.pod.clone(), true, 0);
    assert_eq!(world.tasks.made().count(), 0);
}

#[test]
fn what_is_killed_ends_killed() {
    let mut world = World::new(&["t"]);
    let deeds = world.tasks.kill(&key("t"), Some(1_500), None, false, 0);
    assert_eq!(world.words(deeds), [""; 0], "there is no Pod yet");
    let deeds = world.tasks.created(&world.pod.clone());
    assert_eq!(world.words(deeds), ["delete Some(2)"]);
    assert_eq!(world.saw(json!({"phase": "Failed", "containerStatuses": [ended("t", 143)]})), ["t Running"]);
    let deeds = world.tasks.gone(&world.pod.clone(), true, 0);
    assert_eq!(world.words(deeds), [""; 0]);
    assert_eq!(world.acknowledge("t"), ["t Killed"]);
    assert_eq!(world.acknowledge("t"), [""; 0]);
    assert!(world.tasks.len() == 0 && world.tasks.completed.iter().next().is_none());
}

#[test]
fn health_is_told_and_what_is_sick_is_killed() {
    let running = |ready: bool| json!({"name": "checked", "ready": ready, "state": {"running": {}}});
    let status = |container: Value| json!({"phase": "Running", "containerStatuses": [container]});
    let mut world = World::new(&["checked"]);
    assert_eq!(world.saw(status(running(false))), ["checked Running"]);
    assert_eq!(world.acknowledge("checked"), [""; 0]);
    for (ready, expected) in [
        (false, &[][..]),
        (true, &["checked Running healthy"]),
        (true, &[]),
        (false, &["checked Running sick"]),
        (true, &["checked Running healthy"]),
        (false, &["checked Running sick"]),
    ] {
        assert_eq!(world.saw(status(running(ready))), expected);
        world.acknowledge("checked");
    }
    assert_eq!(world.saw(status(ended("checked", 143))), ["checked Killed sick"]);
    let mut well = World::new(&["checked"]);
    assert_eq!(well.saw(status(running(true))), ["checked Running"]);
    assert_eq!(well.acknowledge("checked"), ["checked Running healthy"]);
    assert_eq!(well.acknowledge("checked"), [""; 0]);
    assert_eq!(well.saw(status(ended("checked", 143))), ["checked Failed"]);
}

#[test]
fn what_checks_find_is_told_as_it_is() {
    let mut world = World::new(&["probed"]);
    let status = |found: &str| {
        let condition = json!({"type": "check.mesos.kernel.kubernel.io/probed", "message": found});
        let running = json!({"name": "probed", "state": {"running": {}}});
        json!({"phase": "Running", "containerStatuses": [running], "conditions": [condition]})
    };
    let exited = |code: i32| format!(r#"{{"type": "COMMAND", "command": {{"exit_code": {code}}}}}"#);
    assert_eq!(world.saw(status("")), ["probed Running"]);
    world.acknowledge("probed");
    for (found, expected) in
        [(exited(7), &["probed Running 7"][..]), (exited(7), &[]), (exited(0), &["probed Running 0"])]
    {
        assert_eq!(world.saw(status(&found)), expected);
        world.acknowledge("probed");
    }
    let over = json!({"phase": "Failed", "containerStatuses": [ended("probed", 1)]});
    assert_eq!(world.saw(over), ["probed Failed 0"]);
}

#[test]
fn pods_that_vanish_are_told() {
    for (node_is_there, state) in [(true, "t Killed"), (false, "t Gone")] {
        let mut world = World::new(&["t"]);
        let deeds = world.tasks.gone(&world.pod.clone(), node_is_there, 0);
        assert_eq!(world.words(deeds), [state]);
    }
    let mut world = World::new(&["t"]);
    let image = json!({"name": "t", "state": {"waiting": {"reason": "ErrImagePull"}}});
    assert_eq!(world.saw(json!({"phase": "Pending", "containerStatuses": [image]})), ["delete None", "t Failed"]);
}

#[test]
fn a_group_dies_together() {
    let mut world = World::new(&["a", "b"]);
    let running = |name: &str| json!({"name": name, "state": {"running": {}}});
    let both = json!({"phase": "Running", "containerStatuses": [running("a"), running("b")]});
    assert_eq!(world.saw(both), ["a Running", "b Running"]);
    let one = json!({"phase": "Running", "containerStatuses": [ended("a", 1), running("b")]});
    assert_eq!(world.saw(one), ["delete None"], "the rest waits for acknowledgements");
    let deeds = world.tasks.remove("f", None);
    assert_eq!((world.words(deeds), world.tasks.len()), (vec!["delete None".to_owned()], 0));
}

#[test]
fn what_executors_say_is_passed_on_and_shown() {
    let mut world = World::new(&[]);
    let begun = Begun {
        key: key("t"),
        agent: "n".into(),
        pod: world.pod.clone(),
        container: "task".into(),
        executor: Some("e".into()),
        shown: true,
        checked: false,
        check: None,
    };
    world.tasks.begin(begun, true);
    assert_eq!(world.saw(json!({"phase": "Running"})), [""; 0], "the Pod only stands for it");
    let task_id = TaskID { value: "t".to_owned() };
    let status = TaskStatus { task_id, state: TaskState::Running, uuid: Some(vec![7]), ..TaskStatus::default() };
    let deeds = world.tasks.update(&key("t"), status.clone(), 0);
    assert_eq!(world.words(deeds), ["t Running", "show Running"]);
    assert_eq!(world.tasks.heard(&key("t"), &status), Heard::UnderWay, "it came again");
    assert_eq!(world.tasks.of_executor("n", &"f".into(), &"e".into()), [key("t")]);
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let deleted: TaskPod = serde_json::from_value(deleted).unwrap_or_default();
    for expected in [vec!["ask t".to_owned()], Vec::new()] {
        let deeds = world.tasks.saw(&world.pod.clone(), &deleted, 0);
        assert_eq!(world.words(deeds), expected);
    }
    let task_id = TaskID { value: "t".to_owned() };
    let status = TaskStatus { task_id, state: TaskState::Killed, uuid: Some(vec![8]), ..TaskStatus::default() };
    let deeds = world.tasks.update(&key("t"), status, 0);
    assert_eq!(world.words(deeds), ["show Killed", "delete Some(0)"]);
    assert_eq!(world.tasks.executor_of(&key("t")), Some(("n".into(), "e".into())));
}

#[test]
fn what_a_node_does_not_know_is_lost_and_what_comes_late_is_settled() {
    let mut world = World::new(&[]);
    for (task, recovered) in [("old", true), ("gone", true), ("new", false)] {
        let begun = Begun {
            key: key(task),
            agent: "n".into(),
            pod: PodName { namespace: "ns".into(), name: task.into() },
            container: "task".into(),
            executor: Some("e".into()),
            shown: true,
            checked: false,
            check: None,
        };
        world.tasks.begin(begun, recovered);
    }
    assert_eq!(world.tasks.lost_on("n", &HashSet::from([key("old")])), [key("gone")]);
    assert_eq!(world.tasks.lost_on("n", &HashSet::new()), [], "it is asked once");
    let why = Observed { state: TaskState::Lost, reason: Some(Reason::Reconciliation), message: None };
    let deeds = world.tasks.end(&key("gone"), &why, 0);
    assert_eq!(world.words(deeds), ["gone Lost", "show Lost"]);
    let status = |task: &str, uuid: u8| TaskStatus {
        task_id: TaskID { value: task.to_owned() },
        state: TaskState::Running,
        uuid: Some(vec![uuid]),
        ..TaskStatus::default()
    };
    for (task, expected) in [("gone", Heard::Settled), ("nobody", Heard::Settled), ("old", Heard::News)] {
        assert_eq!(world.tasks.heard(&key(task), &status(task, 1)), expected, "{task}");
    }
    let deeds = world.tasks.update(&key("old"), status("old", 1), 0);
    assert_eq!(world.words(deeds), ["old Running", "show Running"]);
    assert_eq!(world.acknowledge("old"), [""; 0]);
    assert_eq!(world.tasks.heard(&key("old"), &status("old", 1)), Heard::Settled, "it is known");
    assert!(!world.tasks.is_ahead(&key("old"), &status("old", 2)));
    assert_eq!(world.acknowledge("gone"), [""; 0]);
    assert!(world.tasks.has_hosted("n"));
    world.tasks.remove("f", None);
    assert!(!world.tasks.has_hosted("n"));
}
