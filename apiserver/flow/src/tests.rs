//! Levels under load, on virtual time: nothing is lost, nothing overflows, nobody starves.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use crate::seats::{Bounds, Demand, bounds, divide, smooth};
use crate::{Arrival, Level, Permit, QueueSet, Queuing, Refusal, Request, Schema};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const QUEUING: Queuing = Queuing { queues: 16, hand: 4, length_max: 5 };

#[derive(Clone, Debug)]
enum Step {
    Arrive { flow: u64, seats: u32 },
    Finish(usize),
    GiveUp(usize),
    Seats(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..20_u64, 1..12_u32).prop_map(|(flow, seats)| Step::Arrive { flow: flow.wrapping_mul(0x9e37_79b9_7f4a_7c15), seats }),
        4 => (0..64_usize).prop_map(Step::Finish),
        1 => (0..64_usize).prop_map(Step::GiveUp),
        1 => (1..20_u32).prop_map(Step::Seats),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_ends_in_one_way(steps in proptest::collection::vec((step(), 0..50_u64), 1..200)) {
        let mut set = QueueSet::new(8, Some(QUEUING));
        let mut waiting: BTreeMap<u64, usize> = BTreeMap::new();
        let mut running: Vec<Permit> = Vec::new();
        let mut now = Duration::ZERO;
        for (step, later) in steps {
            now += millis(later);
            let mut started = Vec::new();
            match step {
                Step::Arrive { flow, seats } => match set.arrive(now, flow, seats) {
                    Arrival::Runs(permit) => running.push(permit),
                    Arrival::Waits { ticket, queue } => { waiting.insert(ticket, queue); }
                    Arrival::Refused(why) => {
                        prop_assert_eq!(why, Refusal::QueueFull);
                        prop_assert!(set.waiting() >= QUEUING.length_max);
                    }
                },
                Step::Finish(at) if !running.is_empty() => {
                    started = set.finish(now, running.swap_remove(at % running.len()));
                }
                Step::GiveUp(at) if !waiting.is_empty() => {
                    let ticket = *waiting.keys().nth(at % waiting.len()).unwrap();
                    let queue = waiting.remove(&ticket).unwrap();
                    prop_assert!(set.give_up(now, queue, ticket));
                    prop_assert!(!set.give_up(now, queue, ticket));
                }
                Step::Seats(seats) => started = set.set_seats(now, seats),
                Step::Finish(_) | Step::GiveUp(_) => {}
            }
            for (ticket, permit) in started {
                prop_assert!(waiting.remove(&ticket).is_some(), "{} was not waiting", ticket);
                running.push(permit);
            }
            prop_assert_eq!((set.waiting(), set.executing()), (waiting.len(), running.len()));
            prop_assert!(set.executing() > 0 || set.waiting() == 0, "seats are free and somebody waits");
        }
        // In the end everybody has run.
        while let Some(permit) = running.pop() {
            for (ticket, permit) in set.finish(now, permit) {
                waiting.remove(&ticket);
                running.push(permit);
            }
        }
        prop_assert!(waiting.is_empty());
        prop_assert_eq!((set.seats_in_use(), set.seats_waiting(), set.active_queues()), (0, 0, 0));
    }

    #[test]
    fn all_seats_are_divided(levels in proptest::collection::vec((0..100_u32, 0..100_u32, 0..400_u32, 0..400_u32), 1..12)) {
        let total = 600;
        let rows: Vec<(Bounds, Demand, f64)> = levels
            .iter()
            .map(|(min, lent, high, smoothed)| {
                let bounds = Bounds { nominal: min + lent, min: *min, max: total * 2 };
                (bounds, Demand { high: f64::from(*high), ..Demand::default() }, f64::from(*smoothed))
            })
            .collect();
        let divided = divide(total, &rows);
        for (seats, (bounds, ..)) in divided.iter().zip(&rows) {
            prop_assert!((bounds.min.max(1)..=bounds.max).contains(seats));
        }
        let lowest: f64 = rows.iter().map(|(b, d, _)| f64::from(b.min).max(f64::from(b.nominal).min(d.high))).sum();
        if lowest <= f64::from(total) {
            prop_assert!(divided.iter().sum::<u32>() <= total + 2 * levels.len() as u32);
        }
    }
}

/// One elephant and some mice: a flow that always has requests waiting, and flows with one at a time.
#[test]
fn an_elephant_does_not_hold_up_mice() {
    let mut set = QueueSet::new(2, Some(Queuing { queues: 64, hand: 4, length_max: 50 }));
    let elephant = 7;
    let mut running: Vec<Permit> = Vec::new();
    for _ in 0..150 {
        if let Arrival::Runs(permit) = set.arrive(Duration::ZERO, elephant, 1) {
            running.push(permit);
        }
    }
    let Arrival::Waits { ticket: mouse, .. } = set.arrive(millis(1), 0x5a5a_5a5a_5a5a, 1) else {
        panic!("there is no seat left");
    };
    // Of 148 requests before it, only a few go first: one for each queue of the elephant's hand.
    let mut before = 0;
    let mut now = millis(1);
    while let Some(permit) = running.pop() {
        now += millis(10);
        let started = set.finish(now, permit);
        if started.iter().any(|(ticket, _)| *ticket == mouse) {
            break;
        }
        before += started.len();
        running.extend(started.into_iter().map(|(_, permit)| permit));
    }
    assert!(before <= 8, "{before} requests of the elephant went first");
}

#[test]
fn a_level_without_queues_refuses() {
    let mut set = QueueSet::new(2, None);
    let Arrival::Runs(first) = set.arrive(Duration::ZERO, 0, 1) else { panic!() };
    assert!(matches!(set.arrive(Duration::ZERO, 0, 1), Arrival::Runs(_)));
    assert_eq!(set.arrive(Duration::ZERO, 0, 1), Arrival::Refused(Refusal::ConcurrencyLimit));
    assert!(set.finish(millis(1), first).is_empty());
    assert!(matches!(set.arrive(millis(1), 0, 1), Arrival::Runs(_)));
}

#[test]
fn seats_are_nominally_those_of_upstream() {
    // The levels of a new cluster and their seats out of 600, as a v1.36 server shows them.
    let level = |shares, lendable_percent| Level {
        name: String::new(),
        uid: String::new(),
        exempt: false,
        shares,
        lendable_percent,
        borrowing_percent: None,
        queuing: None,
    };
    let levels = [
        level(5, 0),
        level(0, 50),
        level(20, 50),
        level(10, 0),
        level(40, 25),
        level(30, 33),
        level(40, 50),
        level(100, 90),
    ];
    let found: Vec<(u32, u32)> =
        bounds(600, &levels.iter().collect::<Vec<_>>()).iter().map(|bounds| (bounds.nominal, bounds.min)).collect();
    assert_eq!(found, [(13, 13), (0, 0), (49, 24), (25, 25), (98, 73), (74, 50), (98, 49), (245, 24)]);
}

#[test]
fn demand_rises_at_once_and_falls_slowly() {
    let demand = |average, deviation| Demand { high: 0.0, average, deviation };
    assert_eq!(smooth(0.0, demand(100.0, 10.0)), 110.0);
    let fallen = smooth(110.0, demand(0.0, 0.0));
    assert!((105.0..110.0).contains(&fallen), "{fallen}");
    let mut set = QueueSet::new(10, None);
    let Arrival::Runs(permit) = set.arrive(Duration::ZERO, 0, 4) else { panic!() };
    let _ = set.finish(millis(500), permit);
    assert_eq!(set.take_demand(millis(1000)), Demand { high: 4.0, average: 2.0, deviation: 2.0 });
}

#[test]
fn schemas_find_their_requests() {
    let rule = |subject: serde_json::Value| {
        Schema::parse(&json!({"metadata": {"name": "s"}, "spec": {
            "distinguisherMethod": {"type": "ByUser"},
            "rules": [{
                "subjects": [subject],
                "resourceRules": [{"verbs": ["get", "list"], "apiGroups": ["", "apps"], "resources": ["pods", "pods/log", "nodes"],
                    "namespaces": ["a"], "clusterScope": true}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["/healthz", "/debug/*"]}],
            }],
        }}))
    };
    let user = rule(json!({"kind": "User", "user": {"name": "u"}}));
    let group = rule(json!({"kind": "Group", "group": {"name": "g"}}));
    let account = rule(json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": "n", "name": "*"}}));
    let groups = ["g".to_owned()];
    let base = Request {
        user: "u",
        groups: &[],
        is_resource: true,
        verb: "get",
        group: "",
        resource: "pods",
        subresource: "",
        namespace: "a",
        path: "",
    };
    let path = |path| Request { is_resource: false, path, ..base };
    for (schema, request, expect) in [
        (&user, base, true),
        (&user, Request { user: "v", ..base }, false),
        (&user, Request { verb: "delete", ..base }, false),
        (&user, Request { group: "batch", ..base }, false),
        (&user, Request { namespace: "b", ..base }, false),
        (&user, Request { resource: "pod", ..base }, false),
        (&user, Request { subresource: "log", ..base }, true),
        (&user, Request { subresource: "status", ..base }, false),
        (&user, Request { resource: "nodes", namespace: "", ..base }, true),
        (&user, path("/healthz"), true),
        (&user, path("/healthz/x"), false),
        (&user, path("/debug/x/y"), true),
        (&group, base, false),
        (&group, Request { groups: &groups, ..base }, true),
        (&account, Request { user: "system:serviceaccount:n:x", ..base }, true),
        (&account, Request { user: "system:serviceaccount:m:x", ..base }, false),
    ] {
        assert_eq!(schema.matches(&request), expect, "{request:?}");
    }
    assert_eq!(user.flow(&base), "u");
}
