//! Free content that upstream keeps as the bytes in which it came (`runtime.RawExtension`), where it must not change: the
//! `data` of ControllerRevisions. Its bytes are compared, not what they mean: blanks that a client sent count, and a patch,
//! for which the object is written anew, takes them out.

use std::borrow::Cow;
use std::collections::HashMap;

use http::header;
use kubernel_meta::{ApiError, Object, field};
use kubernel_store::Entry;
use serde_json::Value;
use serde_json::value::RawValue;

use super::write::refuse;
use crate::context::Context;
use crate::resources::Resource;

/// Remembers the words of a body, if it is JSON and its resource has such content; in other forms it is written anew.
pub(super) fn note(context: &Context, resource: &Resource, body: &[u8]) {
    let Some(name) = resource.kind.strategy.verbatim() else { return };
    let kind = context.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = kind.is_none_or(|kind| kind.split(';').next().unwrap_or_default().trim() == "application/json");
    if let Some(text) = member(body, name).filter(|_| is_json) {
        // A line of a watch is an event: what is stored must be one line.
        context.say(&text.replace(['\n', '\r'], " "));
    }
}

/// The words in which an object is to be stored; `None` for one without such content.
///
/// # Errors
/// If they are others than those of the stored object.
pub(super) fn words(
    context: &Context,
    resource: &Resource,
    new: &Object,
    stored: Option<&Entry>,
) -> Result<Option<String>, ApiError> {
    let Some(name) = resource.kind.strategy.verbatim() else { return Ok(None) };
    let Some(value) = new.at(&[name]) else { return Ok(None) };
    let old = stored.and_then(|entry| member(&entry.json, name));
    // What is patched, or comes in another form than JSON, is written anew.
    let said = context.sent().map(ToOwned::to_owned).or_else(|| old.map(without_blanks));
    // What admission changed is not in the words of the client.
    let is_same = |text: &String| serde_json::from_str::<Value>(text).is_ok_and(|said| said == *value);
    let text = said.filter(is_same).unwrap_or_else(|| value.to_string());
    if old.is_some_and(|old| old != text) {
        let path = field::Path::root(name);
        refuse(resource, new, &[path.invalid(value.clone(), "field is immutable")])?;
    }
    Ok(Some(text))
}

/// The words of a field at the top of an object.
fn member<'a>(json: &'a [u8], name: &str) -> Option<&'a str> {
    let members: HashMap<Cow<'a, str>, &'a RawValue> = serde_json::from_slice(json).ok()?;
    members.get(name).map(|value| value.get())
}

/// JSON without what stands between its words.
fn without_blanks(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    json.chars()
        .filter(|c| {
            let keep = in_text || !c.is_ascii_whitespace();
            (in_text, escaped) = match (in_text, escaped, c) {
                (true, false, '\\') => (true, true),
                (true, false, '"') | (false, _, '"') => (!in_text, false),
                (inside, _, _) => (inside, false),
            };
            keep
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_between_words_go() {
        for (json, expected) in [
            (r#"{"a" : [1, "b \" , c" ], "d\\": {} }"#, r#"{"a":[1,"b \" , c"],"d\\":{}}"#),
            ("{\"z\":1,\n\t\"a\": 1.50}", r#"{"z":1,"a":1.50}"#),
            ("null", "null"),
        ] {
            assert_eq!(without_blanks(json), expected);
        }
    }

    #[test]
    fn the_words_of_a_field_are_as_they_came() {
        let json = br#"{"kind": "K", "data":  {"b": 1, "a" : 2} , "x": {"data": 3}}"#;
        assert_eq!(member(json, "data"), Some(r#"{"b": 1, "a" : 2}"#));
        assert_eq!(member(json, "none"), None);
        assert_eq!(member(b"[1]", "data"), None);
    }
}
