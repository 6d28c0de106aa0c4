//! The row and the selectable values of an Event, given in its core form.

use jiff::Timestamp;
use kubernel_meta::{Object, time};
use serde_json::{Value, json};

/// The cells of an Event's row.
pub(crate) fn cells(event: &Object, now: Timestamp) -> Vec<Value> {
    let text = |field: &str| event.str_at(&[field]);
    let event_time = text("eventTime");
    let since = |stamp: &str| time::age(if stamp.is_empty() { event_time } else { stamp }, now);
    let series = event.map_at(&["series"]).is_some();
    let count = event.int_at(&["series", "count"]).or(event.int_at(&["count"])).unwrap_or_default();
    let last = if series {
        time::age(event.str_at(&["series", "lastObservedTime"]), now)
    } else {
        since(text("lastTimestamp"))
    };
    let kind = event.str_at(&["involvedObject", "kind"]).to_lowercase();
    let name = event.str_at(&["involvedObject", "name"]);
    vec![
        json!(last),
        json!(text("type")),
        json!(text("reason")),
        json!(if name.is_empty() { kind } else { format!("{kind}/{name}") }),
        json!(event.str_at(&["involvedObject", "fieldPath"])),
        json!(source(event)),
        json!(text("message").trim()),
        json!(since(text("firstTimestamp"))),
        json!(if count == 0 { 1 } else { count }),
        json!(event.name()),
    ]
}

/// Who reports the Event: component and host of the old form, or controller and instance of the new one.
fn source(event: &Object) -> String {
    let or = |old: &str, new: &str| if old.is_empty() { new.to_owned() } else { old.to_owned() };
    let component = or(event.str_at(&["source", "component"]), event.str_at(&["reportingComponent"]));
    let host = or(event.str_at(&["source", "host"]), event.str_at(&["reportingInstance"]));
    if host.is_empty() { component } else { format!("{component}, {host}") }
}

/// The values of the field labels, in the order in which both versions list them.
pub(crate) fn field_values(event: &Object) -> Vec<String> {
    let about = |field: &str| event.str_at(&["involvedObject", field]).to_owned();
    let text = |field: &str| event.str_at(&[field]).to_owned();
    let component = event.str_at(&["source", "component"]);
    let source = if component.is_empty() { text("reportingComponent") } else { component.to_owned() };
    vec![
        about("kind"),
        about("namespace"),
        about("name"),
        about("uid"),
        about("apiVersion"),
        about("resourceVersion"),
        about("fieldPath"),
        text("reason"),
        text("reportingComponent"),
        source,
        text("type"),
    ]
}
