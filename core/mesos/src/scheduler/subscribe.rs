//! A framework subscribes: for the first time, again, or in place of one that still listens.

use std::{net::IpAddr, sync::Arc};

use axum::{body::Body, http::HeaderMap};
use http::{Response, StatusCode, header};
use kubernel_kernel::{Input, Mode, RoleId};
use kubernel_ledger::Books;
use kubernel_mesos_proto::{
    scheduler::{Call, Event, call, event},
    v1::{Address, FrameworkID, MasterCapability, MasterCapabilityType, MasterInfo},
};
use tokio::sync::oneshot;

use super::{STREAM_ID, accepted, bad, not_acceptable};
use crate::{
    Door, Principal, Work,
    book::{Book, Change, Framework, FrameworkRecord},
    deliver::operation_event,
    door::{error, now},
    framework,
    http::{Answer, answer, refuse},
    status,
    stream::{Encoding, Stream, StreamBody, stream},
};

impl Door {
    /// Opens a stream of events. What is wrong with a framework is said on the stream, which ends then.
    pub(super) async fn subscribe(
        &self,
        call: Call,
        headers: &HeaderMap,
        principal: Option<&Principal>,
    ) -> Response<Body> {
        let Some(encoding) = accepted(headers) else { return not_acceptable() };
        if headers.contains_key(STREAM_ID) {
            return bad("Subscribe calls should not include the 'Mesos-Stream-Id' header");
        }
        let Some(mut subscribe) = call.subscribe else { return bad("Expecting 'subscribe' to be present") };
        if let Some(Principal(principal)) = principal {
            subscribe.framework_info.principal.get_or_insert_with(|| principal.clone());
        }
        if subscribe.framework_info.id.as_ref().is_some_and(|id| id.value.is_empty()) {
            subscribe.framework_info.id = None;
        }
        let stream_id = uuid::Uuid::new_v4().to_string();
        let (stream, body) = match self.begin(&mut subscribe) {
            Ok(record) => match self.write_down(record.clone()).await {
                Ok(()) => self.open(record, stream_id.clone(), encoding),
                Err(why) => self.refused(&stream_id, encoding, &why),
            },
            Err(why) => self.refused(&stream_id, encoding, &why),
        };
        drop(stream);
        let mut response = answer(Answer::Ok);
        for (name, value) in [(header::CONTENT_TYPE.as_str(), encoding.media_type()), (STREAM_ID, &stream_id)] {
            if let (Ok(name), Ok(value)) = (header::HeaderName::try_from(name), value.parse()) {
                response.headers_mut().insert(name, value);
            }
        }
        *response.body_mut() = Body::new(body);
        response
    }

    /// A stream with one event: what is wrong.
    fn refused(&self, id: &str, encoding: Encoding, why: &str) -> (Option<Stream>, StreamBody) {
        let (stream, body) = stream(id.to_owned(), encoding, &heartbeat(), self.0.config.heartbeat, || {});
        stream.send(&error(why));
        (None, body)
    }

    /// What is to be written down of a framework that may subscribe.
    fn begin(&self, subscribe: &mut call::Subscribe) -> Result<FrameworkRecord, String> {
        let info = &mut subscribe.framework_info;
        framework::check(info)?;
        let roles = framework::roles(info);
        self.authorize(info.principal.as_deref(), &roles)?;
        let mut book = self.lock();
        let id = match &info.id {
            Some(id) => id.value.clone(),
            None => book.next_id(&self.0.config.master_id),
        };
        if book.is_completed(&id) {
            return Err("Framework has been removed".to_owned());
        }
        framework::check_own_roles(&roles, &subscribe.suppressed_roles, subscribe.offer_constraints.as_ref())?;
        let constraints = subscribe.offer_constraints.as_ref();
        self.0.ledger.act(|books, _| framework::settings(info, constraints, books))?;
        let (mut registered, mut reregistered) = (now(), None);
        if let Some(known) = book.framework(&id) {
            let old = &known.record.info;
            if old.principal != info.principal {
                return Err("Changing framework's principal is not allowed.".to_owned());
            }
            info.user.clone_from(&old.user);
            info.checkpoint = old.checkpoint;
            (registered, reregistered) = (known.record.registered, Some(now()));
        }
        info.id = Some(FrameworkID { value: id.clone() });
        Ok(FrameworkRecord {
            id,
            info: Arc::new(info.clone()),
            suppressed_roles: subscribe.suppressed_roles.clone(),
            offer_constraints: subscribe.offer_constraints.clone(),
            connected: true,
            registered,
            reregistered,
            unregistered: None,
        })
    }

    fn authorize(&self, principal: Option<&str>, roles: &[String]) -> Result<(), String> {
        let authorizer = &self.0.config.authorizer;
        if roles.iter().all(|role| authorizer.may_register(principal, role)) {
            return Ok(());
        }
        Err(format!("Not authorized to use roles '{{ {} }}'", roles.join(", ")))
    }

    /// Has the bridge write a framework down, and waits until it is.
    pub(super) async fn write_down(&self, record: FrameworkRecord) -> Result<(), String> {
        let (done, written) = oneshot::channel();
        self.lock().work.push_back(Work::FrameworkChanged { record: Box::new(record), done: Some(done) });
        written.await.unwrap_or_else(|_| Err("The master is shutting down".to_owned()))
    }

    /// The framework listens from now on.
    fn open(&self, record: FrameworkRecord, stream_id: String, encoding: Encoding) -> (Option<Stream>, StreamBody) {
        let (door, id, own) = (self.clone(), record.id.clone(), stream_id.clone());
        let gone = move || door.disconnected(&id, &own);
        let (stream, body) = stream(stream_id.clone(), encoding, &heartbeat(), self.0.config.heartbeat, gone);
        let mut book = self.lock();
        let (id, again) = (record.id.clone(), book.frameworks.contains_key(record.id.as_str()));
        if let Err(refusal) = self.admit(&mut book, record) {
            stream.send(&error(&refusal));
            return (None, body);
        }
        let Some(found) = book.frameworks.get_mut(id.as_str()) else { return (None, body) };
        if found.stream.is_some() {
            found.send(&error("Framework failed over"));
        }
        found.stream = Some(stream);
        found.offers.clear();
        found.inverse.clear();
        found.send(&self.subscribed(&id));
        found.send(&heartbeat());
        tell_again(found);
        self.changed(if again { Change::FrameworkUpdated(id.into()) } else { Change::FrameworkAdded(id.into()) });
        (None, body)
    }

    /// Tells the kernel, and writes the framework into the book.
    fn admit(&self, book: &mut Book, record: FrameworkRecord) -> Result<(), String> {
        let roles: Vec<Arc<str>> = framework::roles(&record.info).iter().map(|role| role.as_str().into()).collect();
        let failover_ms = Some(framework::failover_ms(&record.info));
        let known = book.framework(&record.id).map(|found| found.kernel);
        let kernel = self.0.ledger.act(|books, now| {
            let settings = framework::settings(&record.info, record.offer_constraints.as_ref(), books)?;
            let input = match known {
                Some(framework) => Input::Resubscribe { framework, roles: roles.clone() },
                None => {
                    let name = record.id.as_str().into();
                    Input::Subscribe { name, mode: Mode::Offers, roles: roles.clone(), failover_ms }
                }
            };
            let step = books.step(now, input);
            if let Some(refusal) = step.refused {
                return Err(refusal.to_string());
            }
            let framework = known.or_else(|| status::added(&step)).ok_or("the framework was not added")?;
            books.step(now, Input::Configure { framework, settings: Arc::new(settings), failover_ms });
            let (quiet, loud) = split(books, &roles, &record.suppressed_roles);
            if !loud.is_empty() {
                books.step(now, Input::Revive { framework, roles: loud });
            }
            if !quiet.is_empty() {
                books.step(now, Input::Suppress { framework, roles: quiet });
            }
            Ok(framework)
        })?;
        match book.frameworks.get_mut(record.id.as_str()) {
            Some(found) => found.record = record,
            None => book.add_framework(Framework::new(record, kernel)),
        }
        Ok(())
    }

    /// Nobody reads a stream any more.
    pub(crate) fn disconnected(&self, id: &str, stream_id: &str) {
        let mut book = self.lock();
        let Some(found) = book.frameworks.get_mut(id) else { return };
        if found.stream.as_ref().is_some_and(|stream| stream.id != stream_id) || !found.record.connected {
            return;
        }
        found.stream = None;
        found.offers.clear();
        found.inverse.clear();
        found.record.connected = false;
        found.record.unregistered = Some(now());
        let (kernel, record) = (found.kernel, Box::new(found.record.clone()));
        self.0.ledger.step(Input::Disconnect { framework: kernel });
        book.work.push_back(Work::FrameworkChanged { record, done: None });
        self.changed(Change::FrameworkUpdated(id.into()));
    }

    pub(super) async fn update_framework(
        &self,
        id: Option<FrameworkID>,
        update: Option<call::UpdateFramework>,
    ) -> Response<Body> {
        let (Some(id), Some(update)) = (id, update) else {
            return bad("Expecting 'update_framework' to be present");
        };
        let invalid = |why: String| bad(&format!("'FrameworkInfo' is not valid: {why}"));
        let info = update.framework_info;
        if let Err(why) = framework::check(&info) {
            return invalid(why);
        }
        let roles = framework::roles(&info);
        let constraints = update.offer_constraints.as_ref();
        if let Err(why) = framework::check_own_roles(&roles, &update.suppressed_roles, constraints) {
            return invalid(why);
        }
        if let Err(why) = self.0.ledger.act(|books, _| framework::settings(&info, constraints, books)) {
            return invalid(why);
        }
        if let Err(why) = self.authorize(info.principal.as_deref(), &roles) {
            return refuse(StatusCode::FORBIDDEN, &why);
        }
        let record = self.read(|book| {
            let known = &book.framework(&id.value).ok_or("Framework cannot be found")?.record;
            unchanged(&known.info, &info)?;
            Ok::<_, String>(FrameworkRecord {
                info: Arc::new(info.clone()),
                suppressed_roles: update.suppressed_roles.clone(),
                offer_constraints: update.offer_constraints.clone(),
                ..known.clone()
            })
        });
        let record = match record {
            Ok(record) => record,
            Err(why) => return invalid(why),
        };
        if let Err(why) = self.write_down(record.clone()).await {
            return refuse(StatusCode::CONFLICT, &why);
        }
        let mut book = self.lock();
        if book.framework(&id.value).is_none_or(|found| found.stream.is_none()) {
            return refuse(StatusCode::CONFLICT, "The framework has gone meanwhile");
        }
        if let Err(why) = self.admit(&mut book, record) {
            return refuse(StatusCode::CONFLICT, &why);
        }
        self.changed(Change::FrameworkUpdated(id.value.into()));
        answer(Answer::Ok)
    }

    fn subscribed(&self, id: &str) -> Event {
        let subscribed = event::Subscribed {
            framework_id: FrameworkID { value: id.to_owned() },
            heartbeat_interval_seconds: Some(self.0.config.heartbeat.as_secs_f64()),
            master_info: Some(self.master_info()),
        };
        Event { r#type: Some(event::Type::Subscribed), subscribed: Some(subscribed), ..Event::default() }
    }

    /// What the master says of itself.
    pub fn master_info(&self) -> MasterInfo {
        use MasterCapabilityType::{AgentDraining, AgentUpdate, QuotaV2};
        let config = &self.0.config;
        let ip = config.ip.to_string();
        let capability = |of| MasterCapability { r#type: Some(of) };
        MasterInfo {
            id: config.master_id.clone(),
            // The bytes as they are on the wire.
            ip: match config.ip {
                IpAddr::V4(ip) => u32::from_le_bytes(ip.octets()),
                IpAddr::V6(_) => 0,
            },
            port: config.port.into(),
            pid: Some(format!("master@{}:{}", ip, config.port)),
            hostname: Some(config.hostname.clone()),
            version: Some(config.version.clone()),
            address: Some(Address { hostname: Some(config.hostname.clone()), ip: Some(ip), port: config.port.into() }),
            domain: None,
            capabilities: [AgentUpdate, AgentDraining, QuotaV2].map(capability).to_vec(),
        }
    }
}

fn heartbeat() -> Event {
    Event { r#type: Some(event::Type::Heartbeat), ..Event::default() }
}

/// What a framework may not change.
fn unchanged(
    old: &kubernel_mesos_proto::v1::FrameworkInfo,
    new: &kubernel_mesos_proto::v1::FrameworkInfo,
) -> Result<(), String> {
    if old.principal != new.principal {
        return Err("Changing framework's principal is not allowed.".to_owned());
    }
    if old.user != new.user {
        let (old, new) = (&old.user, &new.user);
        return Err(format!(
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '{old}' to '{new}'"
        ));
    }
    if old.checkpoint != new.checkpoint {
        let (old, new) = (old.checkpoint, new.checkpoint);
        return Err(format!(
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '{old}' to '{new}'"
        ));
    }
    Ok(())
}

/// The roles in which a framework wants nothing, and the others.
fn split(books: &Books, roles: &[Arc<str>], suppressed: &[String]) -> (Vec<RoleId>, Vec<RoleId>) {
    let known = roles.iter().filter_map(|role| Some((role, books.state().roles().id(role)?)));
    let (quiet, loud): (Vec<_>, Vec<_>) = known.partition(|(role, _)| suppressed.iter().any(|own| **own == ***role));
    let ids = |roles: Vec<(&Arc<str>, RoleId)>| roles.into_iter().map(|(_, id)| id).collect();
    (ids(quiet), ids(loud))
}

/// Tells a framework that is back what it has not acknowledged: of each task the first update.
fn tell_again(found: &mut Framework) {
    let updates: Vec<_> = found.tasks.values().filter_map(|record| record.updates.front().cloned()).collect();
    for mut update in updates {
        update.state = found.seen(update.state);
        found.send_status(update);
    }
    let operations: Vec<_> = found.operations.values().filter_map(|record| record.status.clone()).collect();
    for operation in operations {
        found.send(&operation_event(operation));
    }
}
