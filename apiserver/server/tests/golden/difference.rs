//! Where two JSON trees differ first, said in one line.

use serde_json::Value;

/// How much of a value is shown.
const SHOWN_CHARS_MAX: usize = 200;

/// The path of the first difference and what is there.
pub fn first_difference(wanted: &Value, got: &Value, path: &str) -> String {
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => {
            // What a refusal says tells more than that it is one.
            let said = wanted.iter().filter(|(key, _)| *key == "message");
            for (key, value) in said.chain(wanted) {
                match got.get(key) {
                    None => return format!("{path}.{key}: missing, {} wanted", shown(value)),
                    Some(other) if other != value => return first_difference(value, other, &format!("{path}.{key}")),
                    Some(_) => {}
                }
            }
            let extra = got.iter().find(|(key, _)| !wanted.contains_key(*key));
            extra.map(|(key, value)| format!("{path}.{key}: {} is extra", shown(value))).unwrap_or_default()
        }
        (Value::Array(wanted), Value::Array(got)) => {
            let pairs = wanted.iter().zip(got).enumerate();
            match pairs.into_iter().find(|(_, (one, other))| one != other) {
                Some((n, (one, other))) => first_difference(one, other, &format!("{path}[{n}]")),
                None => format!("{path}: {} items for {}", got.len(), wanted.len()),
            }
        }
        _ => format!("{path}: {} for {}", shown(got), shown(wanted)),
    }
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(SHOWN_CHARS_MAX).collect()
}
