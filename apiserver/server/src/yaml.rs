//! YAML as upstream writes it: the layout of Go's YAML library (version 2, which `sigs.k8s.io/yaml` wraps), because
//! clients keep such answers in files and compare them. Keys in their natural order, lists no deeper than their key,
//! texts plain where they can be, folded behind column 80. Reading YAML is `codec`'s business.

mod order;
mod scalar;

use serde_json::{Map, Value};

use scalar::{Style, style_of};

/// Texts are folded at the first blank behind this column.
const WIDTH: usize = 80;
/// How much deeper each level is.
const INDENT: usize = 2;

/// The document of a value.
pub(crate) fn to_yaml(value: &Value) -> String {
    let mut writer = Writer { out: String::new(), column: 0 };
    writer.value(value, 0, Place::Top);
    writer.out.push('\n');
    writer.out
}

/// Where a value stands: decides what comes before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The document itself.
    Top,
    /// Behind `key:`.
    Field,
    /// Behind `- `.
    Item,
}

struct Writer {
    out: String,
    column: usize,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    /// A value of something that is indented so far.
    fn value(&mut self, value: &Value, indent: usize, place: Place) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                let indent = if place == Place::Top { indent } else { indent + INDENT };
                self.map(map, indent, place);
            }
            Value::Array(items) if !items.is_empty() => {
                let indent = if place == Place::Item { indent + INDENT } else { indent };
                for (at, item) in items.iter().enumerate() {
                    if at > 0 || place == Place::Field {
                        self.line(indent);
                    }
                    self.put("- ");
                    self.value(item, indent, Place::Item);
                }
            }
            Value::Object(_) => self.put("{}"),
            Value::Array(_) => self.put("[]"),
            Value::String(text) => self.text(text, indent + INDENT, true),
            Value::Null => self.put("null"),
            other => self.put(&other.to_string()),
        }
    }

    fn map(&mut self, map: &Map<String, Value>, indent: usize, place: Place) {
        let mut fields: Vec<(&String, &Value)> = map.iter().collect();
        fields.sort_by(|(a, _), (b, _)| order::natural(a, b));
        for (at, (key, value)) in fields.into_iter().enumerate() {
            if at > 0 || place == Place::Field {
                self.line(indent);
            }
            self.text(key, indent, false);
            self.put(":");
            let nested = matches!(value, Value::Object(map) if !map.is_empty())
                || matches!(value, Value::Array(items) if !items.is_empty());
            if !nested {
                self.put(" ");
            }
            self.value(value, indent, Place::Field);
        }
    }

    /// A text; `breaks` says whether it may go over several lines.
    fn text(&mut self, text: &str, indent: usize, breaks: bool) {
        match style_of(text, breaks) {
            Style::Plain => self.folded(text, indent, breaks, |character| character.to_string()),
            Style::Single => {
                self.put("'");
                let quoted = |character| if character == '\'' { "''".to_owned() } else { String::from(character) };
                self.folded(text, indent, breaks, quoted);
                self.put("'");
            }
            Style::Double => {
                self.put("\"");
                self.escaped(text, indent, breaks);
                self.put("\"");
            }
            Style::Literal => self.literal(text, indent),
        }
    }

    /// Writes characters, and begins a new line instead of a single blank where the line is long.
    fn folded(&mut self, text: &str, indent: usize, breaks: bool, write: impl Fn(char) -> String) {
        let characters: Vec<char> = text.chars().collect();
        let mut blanks = false;
        for (at, character) in characters.iter().enumerate() {
            let inside = at > 0 && at + 1 < characters.len();
            let alone = !blanks && characters.get(at + 1) != Some(&' ');
            if *character == ' ' && breaks && inside && alone && self.column > WIDTH {
                self.line(indent);
            } else {
                self.put(&write(*character));
            }
            blanks = *character == ' ';
        }
    }

    /// The same between double quotes, where a backslash keeps the blank at which a line ends from being lost.
    fn escaped(&mut self, text: &str, indent: usize, breaks: bool) {
        let characters: Vec<char> = text.chars().collect();
        let mut blanks = false;
        for (at, character) in characters.iter().enumerate() {
            let inside = at > 0 && at + 1 < characters.len();
            if *character == ' ' && breaks && inside && !blanks && self.column > WIDTH {
                self.line(indent);
                if characters.get(at + 1) == Some(&' ') {
                    self.put("\\");
                }
            } else {
                self.put(&scalar::escape(*character));
            }
            blanks = *character == ' ';
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put(&INDENT.to_string());
        }
        let body = text.trim_end_matches('\n');
        match text.len() - body.len() {
            0 => self.put("-"),
            1 if !body.is_empty() => {}
            _ => self.put("+"),
        }
        // The break behind the last line is the one that follows any value.
        let lines = text.strip_suffix('\n').unwrap_or(text);
        for line in lines.split('\n') {
            if line.is_empty() {
                self.out.push('\n');
            } else {
                self.line(indent);
                self.put(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: &Value, expect: &str) {
        assert_eq!(to_yaml(value), expect, "{value}");
        assert_eq!(&serde_yaml::from_str::<Value>(&to_yaml(value)).unwrap(), value);
    }

    #[test]
    fn layout() {
        check(
            &json!({"b": [1, {"y": {}, "x": []}, [2, [3]]], "a": {"c": null, "k10": true, "k9": 1.5}, "e": [{"l": ["z"]}]}),
            "a:\n  c: null\n  k9: 1.5\n  k10: true\nb:\n- 1\n- x: []\n  \"y\": {}\n- - 2\n  - - 3\ne:\n- l:\n  - z\n",
        );
        check(&json!({}), "{}\n");
        check(&json!(["a"]), "- a\n");
    }

    #[test]
    fn texts() {
        for (text, expect) in [
            ("plain text", "plain text"),
            ("", "\"\""),
            ("true", "\"true\""),
            ("no", "\"no\""),
            ("~", "\"~\""),
            ("12", "\"12\""),
            ("0x1f", "\"0x1f\""),
            ("1e+3", "\"1e+3\""),
            ("1.5", "\"1.5\""),
            (".5", "\".5\""),
            ("1:30", "\"1:30\""),
            ("2024-01-01T00:00:00Z", "\"2024-01-01T00:00:00Z\""),
            ("2024-01-01", "\"2024-01-01\""),
            ("v1.36", "v1.36"),
            ("10.0.0.1", "10.0.0.1"),
            ("a: b", "'a: b'"),
            ("it's: x", "'it''s: x'"),
            ("a #b", "'a #b'"),
            ("a#b", "a#b"),
            ("*", "'*'"),
            ("-", "'-'"),
            ("-x", "-x"),
            ("{a}", "'{a}'"),
            ("a{b}", "a{b}"),
            (" a", "' a'"),
            ("a\tb", "\"a\\tb\""),
            ("ü", "ü"),
            ("a\nb", "|-\n    a\n    b"),
            ("a\nb\n", "|\n    a\n    b"),
            ("a\n\nb\n\n", "|+\n    a\n\n    b\n"),
            (" a\nb", "|2-\n     a\n    b"),
            ("a \nb", "\"a \\nb\""),
        ] {
            let value = json!({"k": {"s": text}});
            assert_eq!(to_yaml(&value), format!("k:\n  s: {expect}\n"), "{text:?}");
            assert_eq!(serde_yaml::from_str::<Value>(&to_yaml(&value)).unwrap(), value);
        }
    }

    #[test]
    fn what_only_newer_readers_take_for_a_number_stays_plain() {
        assert_eq!(to_yaml(&json!({"k": "1e3"})), "k: 1e3\n");
    }

    #[test]
    fn long_texts_are_folded() {
        let words = |count: usize| vec!["word"; count].join(" ");
        let first = format!("k: {}", words(16));
        check(&json!({"k": words(20)}), &format!("{first}\n  {}\n", words(4)));
        check(&json!({"k": format!("a: {}", words(20))}), &format!("k: 'a: {}\n  {}'\n", words(15), words(5)));
        let unbroken = "x".repeat(200);
        check(&json!({"k": unbroken}), &format!("k: {unbroken}\n"));
    }
}
