//! Who hears of what, whoever took the step, and who is woken for it.

use std::sync::Arc;

use kubernel_kernel::{
    Availability, Config, Event, FrameworkId, Input, Message, Mode, Resources, RoleId, Send, TaskSpec, TaskState,
};
use kubernel_ledger::{Deliveries, Delivery, Ledger};
use tokio_util::sync::CancellationToken;

/// A ledger with one agent, a framework that claims (1) and one that takes offers (2), both in role `a`.
fn ledger(config: Config) -> (Arc<Ledger>, Deliveries) {
    let ledger = Arc::new(Ledger::new(config));
    let deliveries = ledger.deliveries();
    for mode in [Mode::Claims, Mode::Offers] {
        let (name, roles) = ("f".into(), vec!["a".into()]);
        assert_eq!(ledger.step(Input::Subscribe { name, mode, roles, failover_ms: None }).refused, None);
    }
    let total = Resources::new(4_000, 4 << 30, 0, 10);
    ledger.step(Input::AddAgent { name: "m".into(), total, availability: Availability::Open });
    (ledger, deliveries)
}

fn role(ledger: &Ledger) -> RoleId {
    ledger.read(|state| state.roles().id("a")).unwrap_or(RoleId::ROOT)
}

fn words(deliveries: Vec<Delivery>) -> Vec<String> {
    let word = |delivery: Delivery| match delivery {
        Delivery::Event(event) => format!("{event:?}").split([' ', '{']).next().unwrap_or_default().to_owned(),
        Delivery::Send(Send { to, message: Message::Offers(offers) }) => format!("{to}: {offers:?}"),
        Delivery::Send(Send { to, message }) => format!("{to}: {message:?}"),
        Delivery::Order(order) => format!("{order:?}"),
    };
    deliveries.into_iter().map(word).collect()
}

#[tokio::test(start_paused = true)]
async fn frameworks_that_take_offers_hear_of_what_others_cause() {
    let (ledger, mut deliveries) = ledger(Config::default());
    let came = ["FrameworkAdded", "RoleAdded", "RoleJoined", "FrameworkAdded", "RoleJoined", "AgentAdded"];
    assert_eq!(words(deliveries.take()), came);
    // Somebody who claims demands, and the round that follows makes an offer to the other.
    let (framework, role) = (FrameworkId(1), role(&ledger));
    ledger.claim(|books, now| books.step(now, Input::Tick));
    assert_eq!(words(deliveries.next().await), ["f2: [o1]"]);
    ledger.step(Input::Decline {
        framework: FrameworkId(2),
        offers: vec![kubernel_kernel::OfferId(1)],
        filter_ms: 60_000,
    });
    ledger
        .claim(|books, now| {
            books.step(now, Input::Demand { framework, role, slots: 1 });
            let agent = books.state().agent_id("m").ok_or("no agent")?;
            let task = TaskSpec::new("t", Resources::new(1_000, 0, 0, 1));
            let claim = books.step(now, Input::Claim { framework, role, agent, task });
            claim.refused.map_or(Ok(()), |_| Err("refused"))
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(words(deliveries.take()), Vec::<String>::new(), "a claim is nobody else's business");
    let agent = ledger.read(|state| state.agent_id("m")).unwrap_or(kubernel_kernel::AgentId(0));
    ledger.step(Input::RemoveAgent { agent });
    assert_eq!(words(deliveries.take()), ["TaskEnded", "AgentRemoved", "f2: AgentLost(a1)"]);
    let claims = ledger.act(|books, _| (books.take_claims(), books.agent_name(agent).cloned()));
    assert_eq!(claims.1.as_deref(), Some("m"), "the name of one that went is still known");
    let lost = |delivery: &Delivery| match delivery {
        Delivery::Send(Send { message: Message::Task(status), .. }) => status.state == TaskState::Lost,
        _ => false,
    };
    assert!(claims.0.iter().any(lost), "{:?}", claims.0);
    drop(deliveries);
    ledger.step(Input::RemoveFramework { framework: FrameworkId(2) });
    assert_eq!(words(ledger.deliveries().take()), Vec::<String>::new(), "nobody asked for it");
}

#[tokio::test(start_paused = true)]
async fn time_is_kept_whoever_stepped_last() {
    let config = Config { offer_ms_max: Some(5_000), ..Config::default() };
    let (ledger, mut deliveries) = ledger(config);
    let (stop, keeper) = (CancellationToken::new(), ledger.clone());
    let until = stop.clone();
    let keeping = tokio::spawn(async move { keeper.keep_time(until).await });
    let mut seen = Vec::new();
    while !seen.iter().any(|word: &String| word.contains("Rescinded(o1)")) {
        seen.extend(words(deliveries.next().await));
    }
    assert!(seen.contains(&"f2: [o1]".to_owned()), "{seen:?}");
    stop.cancel();
    assert!(keeping.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn those_who_claim_are_woken() {
    let (ledger, _deliveries) = ledger(Config::default());
    let (framework, role) = (FrameworkId(1), role(&ledger));
    ledger.claims_woken().await;
    ledger.claim(|books, now| books.step(now, Input::Tick));
    // What somebody else gives back may be what they wait for.
    ledger.step(Input::Decline {
        framework: FrameworkId(2),
        offers: vec![kubernel_kernel::OfferId(1)],
        filter_ms: 60_000,
    });
    ledger.claims_woken().await;
    // A turn that is not taken is taken away, and they are told.
    ledger.claim(|books, now| books.step(now, Input::Demand { framework, role, slots: 1 }));
    let turn = ledger.step(Input::Tick).turn.map(|turn| turn.framework);
    assert_eq!(turn, Some(framework));
    ledger.claims_woken().await;
    tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
    ledger.step(Input::Tick);
    ledger.claims_woken().await;
    let told = ledger.act(|books, _| books.take_claims());
    assert_eq!(told, [Delivery::Event(Event::Demanded { framework, role, slots: 0 })]);
}
