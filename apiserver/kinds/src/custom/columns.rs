//! The Table of a custom resource: its own columns, found by JSONPath, or its age.

use jiff::Timestamp;
use kubernel_meta::{Object, time};
use serde_json::{Value, json};

use super::json_path::{JsonPath, to_text};
use crate::{Column, print};

/// The cells of a row besides the name.
#[derive(Debug, Default)]
pub struct Columns(Vec<(String, JsonPath)>);

impl Columns {
    /// The cells of these `additionalPrinterColumns`. From the first path that cannot be read on, there are none.
    pub fn read(columns: &[Value]) -> Self {
        let paths = columns.iter().map_while(|column| {
            let path = JsonPath::parse(text(column, "jsonPath")).ok()?;
            Some((text(column, "type").to_owned(), path))
        });
        Self(paths.collect())
    }

    /// The headings: the name's and those of the `additionalPrinterColumns`, or the age's where there are none.
    pub fn headings(columns: &[Value]) -> Vec<Column> {
        let heading = |name: &str, type_: &str, format: &str, description: &str, priority| Column {
            name: name.to_owned().into(),
            type_: type_.to_owned().into(),
            format: format.to_owned().into(),
            description: description.to_owned().into(),
            priority,
        };
        let mut all = vec![heading("Name", "string", "name", "", 0)];
        if columns.is_empty() {
            all.push(heading("Age", "date", "", "", 0));
        }
        let read = Self::read(columns).0.len();
        all.extend(columns.iter().take(read).map(|column| {
            let priority = column.get("priority").and_then(Value::as_i64).and_then(|number| number.try_into().ok());
            let described = match text(column, "description") {
                "" => format!("Custom resource definition column (in JSONPath format): {}", text(column, "jsonPath")),
                own => own.to_owned(),
            };
            let (name, type_, format) = (text(column, "name"), text(column, "type"), text(column, "format"));
            heading(name, type_, format, &described, priority.unwrap_or(0))
        }));
        all
    }

    /// The cells of an object's row.
    pub fn cells(&self, object: &Object, now: Timestamp) -> Vec<Value> {
        let mut cells = vec![json!(object.name())];
        if self.0.is_empty() {
            cells.push(json!(print::age(object, now)));
            return cells;
        }
        let tree = Value::Object(object.map().clone());
        cells.extend(self.0.iter().map(|(type_, path)| match path.find(&tree).as_deref() {
            Ok([value, ..]) => cell(type_, value, now),
            _ => Value::Null,
        }));
        cells
    }
}

/// A value as a column of this type shows it; `null` where it is of another type.
fn cell(type_: &str, value: &Value, now: Timestamp) -> Value {
    match (type_, value) {
        ("string", value) => json!(to_text(value)),
        ("integer", Value::Number(number)) => {
            #[expect(clippy::cast_possible_truncation, reason = "as upstream cuts the fraction off")]
            let cut = |double: f64| double as i64;
            json!(number.as_i64().or_else(|| number.as_f64().map(cut)))
        }
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        ("date", Value::String(text)) if text.is_empty() || text == "null" => json!("<unknown>"),
        ("date", Value::String(text)) => match time::parse(text) {
            Ok(_) => json!(time::age(text, now)),
            Err(_) => json!("<invalid>"),
        },
        _ => Value::Null,
    }
}

fn text<'a>(column: &'a Value, name: &str) -> &'a str {
    column.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_follow_the_column_types() {
        let now = "2026-01-02T00:00:00Z".parse().unwrap();
        let cases = [
            ("string", json!("x"), json!("x")),
            ("string", json!(["p", "q"]), json!("[\"p\",\"q\"]")),
            ("string", json!(true), json!("true")),
            ("integer", json!("x"), Value::Null),
            ("integer", json!(7), json!(7)),
            ("integer", json!(7.9), json!(7)),
            ("number", json!(1.5), json!(1.5)),
            ("boolean", json!(true), json!(true)),
            ("boolean", json!("true"), Value::Null),
            ("date", json!("2026-01-01T00:00:00Z"), json!("24h")),
            ("date", json!("x"), json!("<invalid>")),
            ("date", json!(""), json!("<unknown>")),
            ("date", json!(5), Value::Null),
        ];
        for (type_, value, expect) in cases {
            assert_eq!(cell(type_, &value, now), expect, "{type_} {value}");
        }
    }

    #[test]
    fn a_path_that_cannot_be_read_ends_the_table() {
        let columns =
            [json!({"name": "A", "type": "string", "jsonPath": ".a"}), json!({"name": "B", "jsonPath": ".b["})];
        let names: Vec<String> = Columns::headings(&columns).iter().map(|column| column.name.to_string()).collect();
        assert_eq!(names, ["Name", "A"]);
        let object = Object::from_value(json!({"metadata": {"name": "n"}, "a": "x"})).unwrap();
        assert_eq!(Columns::read(&columns).cells(&object, Timestamp::UNIX_EPOCH), [json!("n"), json!("x")]);
    }
}
