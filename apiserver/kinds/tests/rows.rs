//! Table rows against a v1.36.2 server's: stored objects with the cells it showed of them, in `data/rows.json`.
//! Cells that tell a time since (`<age>`) are only looked at for being one.

#![allow(clippy::unwrap_used, reason = "a test")]

use kubernel_kinds::registry;
use kubernel_meta::Object;
use serde_json::{Value, json};

#[test]
fn rows_as_recorded() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("data/rows.json")).unwrap();
    let now: jiff::Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    let mut failures = Vec::new();
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap();
        let kind = registry::find(text("group"), text("version"), text("resource")).unwrap();
        let object = Object::from_value(row["object"].clone()).unwrap();
        let cells = kind.strategy.cells(kind, &object, now);
        let wanted = row["cells"].as_array().unwrap();
        let same = cells.len() == wanted.len() && cells.iter().zip(wanted).all(|(ours, theirs)| matches(ours, theirs));
        if !same {
            failures.push(format!("{} {}: {} for {}", text("resource"), text("case"), json!(cells), row["cells"]));
        }
        let conditions = row.get("conditions").cloned().unwrap_or_else(|| json!([]));
        assert_eq!(json!(kind.strategy.row_conditions(&object)), conditions, "{}", text("case"));
    }
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

fn matches(ours: &Value, theirs: &Value) -> bool {
    let is_age = |text: &str| {
        let bytes = text.as_bytes();
        bytes.first().is_some_and(u8::is_ascii_digit) && bytes.last().is_some_and(u8::is_ascii_lowercase)
    };
    match theirs.as_str() {
        Some("<age>") => {
            ours.as_str().is_some_and(|ours| is_age(ours) || ours.ends_with('Z') || matches!(ours, "" | "<none>"))
        }
        Some(age) if is_age(age) => ours.as_str().is_some_and(is_age),
        Some(masked) if masked.contains("<uid>") => ours.as_str().is_some_and(|ours| !ours.is_empty()),
        _ => ours == theirs,
    }
}
