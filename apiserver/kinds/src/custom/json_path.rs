//! The JSONPath dialect of kubectl and of printer columns: `.spec.ports[0].name`, `.items[?(@.k=='x')].v`, `..name`.
//!
//! It follows upstream's `client-go/util/jsonpath` on JSON trees, with missing keys allowed. Templates (text around
//! braces, `range`) are not its business.

use std::cmp::Ordering;

use serde_json::Value;

/// How deep unions, filters and quoted keys may nest.
const DEPTH_MAX: usize = 8;

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Wildcard,
    Recursive,
    /// Start, end and capacity of a slice; `derived`: the end follows from a lone index.
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        derived: bool,
    },
    Union(Vec<Vec<Step>>),
    Filter {
        left: Vec<Step>,
        operator: String,
        right: Vec<Step>,
    },
    /// A value that stands for itself: text, a number, a boolean.
    Literal(Value),
}

/// What a step finds: a part of the object, or a literal of the path.
type Found<'a> = Vec<&'a Value>;

impl JsonPath {
    /// Parses a path without its braces.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(Parser::steps(text, 0)?))
    }

    /// What the path finds, in order; the error is why the path does not fit the object.
    pub fn find<'a>(&'a self, object: &'a Value) -> Result<Vec<&'a Value>, String> {
        walk(vec![object], &self.0)
    }
}

/// A value as text, as PrintResults writes it: lists and maps as JSON.
pub fn to_text(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(double) if number.is_f64() => format!("{double}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn walk<'a>(mut found: Found<'a>, steps: &'a [Step]) -> Result<Found<'a>, String> {
    for step in steps {
        found = match step {
            Step::Field(name) => found.into_iter().filter_map(|value| value.get(name.as_str())).collect(),
            Step::Wildcard => found.into_iter().flat_map(children).collect(),
            Step::Recursive => {
                let mut all = Vec::new();
                found.into_iter().for_each(|value| descend(value, &mut all));
                all
            }
            Step::Slice { start, end, derived } => slice(found, *start, *end, *derived)?,
            Step::Union(paths) => {
                let mut all = Vec::new();
                for path in paths {
                    all.extend(walk(found.clone(), path)?);
                }
                all
            }
            Step::Filter { left, operator, right } => filter(found, left, operator, right)?,
            Step::Literal(value @ Value::String(_)) => vec![value],
            Step::Literal(value) => found.iter().map(|_| value).collect(),
        };
    }
    Ok(found)
}

fn children(value: &Value) -> Found<'_> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

/// A value that has children, and all such below it.
fn descend<'a>(value: &'a Value, all: &mut Found<'a>) {
    let children = children(value);
    if !children.is_empty() {
        all.push(value);
        children.into_iter().for_each(|child| descend(child, all));
    }
}

fn slice<'a>(found: Found<'a>, start: Option<i64>, end: Option<i64>, derived: bool) -> Result<Found<'a>, String> {
    let mut all = Vec::new();
    for value in found.into_iter().filter(|value| !value.is_null()) {
        let items = value.as_array().ok_or_else(|| format!("{} is not array or slice", go_type(value)))?;
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let from_end = |index: i64| if index < 0 { index + length } else { index };
        let low = from_end(start.unwrap_or(0));
        // The end that follows from an index of -1 is the list's own.
        let high = match end {
            Some(0) if derived && start == Some(-1) => length,
            Some(end) => from_end(end),
            None => length,
        };
        if low != high && (low >= length || high > length) {
            let index = if low >= length { low } else { high - 1 };
            return Err(format!("array index out of bounds: index {index}, length {length}"));
        }
        let range = usize::try_from(low).ok().zip(usize::try_from(high).ok());
        let part = range.and_then(|(low, high)| items.get(low..high));
        all.extend(part.ok_or("slice bounds out of range")?);
    }
    Ok(all)
}

fn filter<'a>(found: Found<'a>, left: &'a [Step], operator: &str, right: &'a [Step]) -> Result<Found<'a>, String> {
    let mut all = Vec::new();
    for value in found {
        let items = value.as_array().ok_or_else(|| format!("{value} is not array or slice and cannot be filtered"))?;
        for item in items {
            let lefts = walk(vec![item], left);
            if operator == "exists" {
                all.extend(lefts.is_ok_and(|lefts| !lefts.is_empty()).then_some(item));
                continue;
            }
            let one = |found: Found<'a>| match found.as_slice() {
                [one] => Ok(*one),
                _ => Err("can only compare one element at a time".to_owned()),
            };
            let (a, b) = (one(lefts?)?, one(walk(vec![item], right)?)?);
            let order = compare(a, b).ok_or("incompatible types for comparison")?;
            let passes = match operator {
                "<" => order == Ordering::Less,
                ">" => order == Ordering::Greater,
                "==" => order == Ordering::Equal,
                "!=" => order != Ordering::Equal,
                "<=" => order != Ordering::Greater,
                ">=" => order != Ordering::Less,
                _ => return Err(format!("unrecognized filter operator {operator}")),
            };
            all.extend(passes.then_some(item));
        }
    }
    Ok(all)
}

/// How two values of one basic type compare; `None` for any others.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) if a.is_f64() == b.is_f64() => a.as_f64()?.partial_cmp(&b.as_f64()?),
        _ => None,
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "map[string]interface {}",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        _ => "int64",
    }
}

/// Reads the inside of one pair of braces.
struct Parser<'t> {
    rest: &'t str,
    depth: usize,
    steps: Vec<Step>,
}

impl<'t> Parser<'t> {
    fn steps(text: &'t str, depth: usize) -> Result<Vec<Step>, String> {
        if depth > DEPTH_MAX {
            return Err("nested too deeply".to_owned());
        }
        let mut parser = Self { rest: text, depth, steps: Vec::new() };
        parser.run()?;
        Ok(parser.steps)
    }

    fn run(&mut self) -> Result<(), String> {
        while let Some(first) = self.rest.chars().next() {
            if let Some(rest) = self.rest.strip_prefix("[?(") {
                self.filter(rest)?;
            } else if let Some(rest) = self.rest.strip_prefix("..") {
                if self.steps.last() == Some(&Step::Recursive) {
                    return Err("invalid multiple recursive descent".to_owned());
                }
                self.steps.push(Step::Recursive);
                self.rest = rest;
                if rest.starts_with(is_alphanumeric) {
                    self.field();
                }
            } else {
                let rest = &self.rest[first.len_utf8()..];
                match first {
                    '}' => return Ok(()),
                    '\r' | '\n' => return Err("unclosed action".to_owned()),
                    ' ' | '@' | '$' => self.rest = rest,
                    '[' => self.array(rest)?,
                    '"' | '\'' => self.quoted(first, rest)?,
                    '.' => {
                        self.rest = rest;
                        self.field();
                    }
                    '+' | '-' | '0'..='9' => self.number()?,
                    c if is_alphanumeric(c) => self.identifier()?,
                    other => {
                        return Err(format!("unrecognized character in action: U+{:04X} '{other}'", u32::from(other)));
                    }
                }
            }
        }
        Ok(())
    }

    /// The text up to `end`, which is consumed as well.
    fn until(&mut self, rest: &'t str, end: char, missing: &str) -> Result<&'t str, String> {
        let line = rest.split('\n').next().unwrap_or_default();
        let (inside, _) = line.split_once(end).ok_or(missing)?;
        self.rest = &rest[inside.len() + end.len_utf8()..];
        Ok(inside)
    }

    fn field(&mut self) {
        let (mut end, mut escaped) = (self.rest.len(), false);
        for (index, c) in self.rest.char_indices() {
            if !escaped && is_terminator(c) {
                end = index;
                break;
            }
            escaped = !escaped && c == '\\';
        }
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.steps.push(if name == "*" { Step::Wildcard } else { Step::Field(name.replace('\\', "")) });
    }

    fn identifier(&mut self) -> Result<(), String> {
        let end = self.rest.find(is_terminator).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        match name.parse::<bool>() {
            Ok(value) => self.steps.push(Step::Literal(Value::Bool(value))),
            Err(_) => return Err(format!("unrecognized identifier {name}")),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        let sign = usize::from(self.rest.starts_with(['+', '-']));
        let digits = self.rest[sign..].find(|c: char| c != '.' && !c.is_ascii_digit());
        let (text, rest) = self.rest.split_at(digits.map_or(self.rest.len(), |digits| sign + digits));
        self.rest = rest;
        let value = match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(whole), _) => Value::from(whole),
            (_, Ok(double)) => Value::from(double),
            _ => return Err(format!("cannot parse number {text}")),
        };
        self.steps.push(Step::Literal(value));
        Ok(())
    }

    fn quoted(&mut self, quote: char, rest: &'t str) -> Result<(), String> {
        let (mut text, mut escaped) = (String::new(), false);
        for (index, c) in rest.char_indices() {
            match c {
                '\n' => break,
                _ if escaped => {
                    text.push(match c {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        other => other,
                    });
                    escaped = false;
                }
                '\\' => escaped = true,
                c if c == quote => {
                    self.rest = &rest[index + 1..];
                    self.steps.push(Step::Literal(Value::String(text)));
                    return Ok(());
                }
                c => text.push(c),
            }
        }
        Err("unterminated quoted string".to_owned())
    }

    fn array(&mut self, rest: &'t str) -> Result<(), String> {
        let inside = self.until(rest, ']', "unterminated array")?;
        if inside.contains(',') {
            let paths =
                inside.split(',').map(|part| Parser::steps(&format!("[{}]", part.trim_matches(' ')), self.depth + 1));
            let paths = paths.collect::<Result<_, _>>()?;
            self.steps.push(Step::Union(paths));
            return Ok(());
        }
        let quoted = inside.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        if let Some(key) = quoted.filter(|key| !key.is_empty() && !key.contains('\'')) {
            self.steps.extend(Parser::steps(&format!(".{key}"), self.depth + 1)?);
            return Ok(());
        }
        let inside = if inside == "*" { ":" } else { inside };
        let parts: Vec<&str> = inside.split(':').collect();
        let is_number = |part: &&str| {
            let digits = part.strip_prefix('-').unwrap_or(part);
            digits.chars().all(|c| c.is_ascii_digit()) && (part.is_empty() || !digits.is_empty())
        };
        if inside.is_empty() || parts.len() > 3 || !parts.iter().all(is_number) {
            return Err(format!("invalid array index {inside}"));
        }
        let number = |at: usize| match parts.get(at) {
            None | Some(&"") => Ok(None),
            Some(text) => text.parse::<i64>().map(Some).map_err(|_| format!("array index {text} is not a number")),
        };
        let (start, end) = (number(0)?, number(1)?);
        let derived = parts.len() == 1;
        let end = if derived { start.map(|start| start.saturating_add(1)) } else { end };
        self.steps.push(Step::Slice { start, end, derived });
        Ok(())
    }

    fn filter(&mut self, rest: &'t str) -> Result<(), String> {
        let mut quote: Option<char> = None;
        let mut before = ' ';
        let mut end = None;
        for (index, c) in rest.char_indices() {
            match (c, quote) {
                ('\n', _) => break,
                (')', None) => {
                    end = Some(index);
                    break;
                }
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(open)) if c == open && before != '\\' => quote = None,
                _ => {}
            }
            before = c;
        }
        let end = end.ok_or("unterminated filter")?;
        let inside = &rest[..end];
        self.rest = rest[end + 1..].strip_prefix(']').ok_or("unclosed array expect ]")?;
        let is_operator = |c: char| matches!(c, '!' | '<' | '>' | '=');
        let at = inside.find(is_operator).filter(|at| *at > 0);
        let (left, operator, right) = match at {
            Some(at) => {
                let (left, rest) = inside.split_at(at);
                let length = rest.find(|c| !is_operator(c)).unwrap_or(rest.len());
                (left, &rest[..length], &rest[length..])
            }
            None => (inside, "exists", ""),
        };
        let left = Self::steps(left, self.depth + 1)?;
        let right = Self::steps(right, self.depth + 1)?;
        self.steps.push(Step::Filter { left, operator: operator.to_owned(), right });
        Ok(())
    }
}

fn is_terminator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The path, what it finds as JSON texts joined by blanks, or the error.
    #[test]
    fn finds() {
        let object = json!({
            "spec": {"a": "x", "n": 3, "f": 1.5, "l": ["p", "q", "r"], "o": {"k": "v"}, "x.y/z": 1, "z": null},
            "m": [{"k": "x", "v": 1}, {"k": "y", "v": 2, "on": true}],
        });
        let cases = [
            (".spec.a", "\"x\""),
            ("spec", "unrecognized identifier spec"),
            ("$.spec.n", "3"),
            (".spec.l", "[\"p\",\"q\",\"r\"]"),
            (".spec.l[0]", "\"p\""),
            (".spec.l[-1]", "\"r\""),
            (".spec.l[1:]", "\"q\" \"r\""),
            (".spec.l[:2]", "\"p\" \"q\""),
            (".spec.l[*]", "\"p\" \"q\" \"r\""),
            (".spec.l[0,2]", "\"p\" \"r\""),
            (".spec.l[3]", "array index out of bounds: index 3, length 3"),
            (".spec.o[0]", "map[string]interface {} is not array or slice"),
            (".spec['o'].k", "\"v\""),
            (".spec.x\\.y/z", "1"),
            (".spec.missing.further", ""),
            (".spec.z", "null"),
            (".m[*].k", "\"x\" \"y\""),
            (".m[?(@.k=='y')].v", "2"),
            (".m[?(@.k==\"y\")].v", "2"),
            (".m[?(@.v>1)].k", "\"y\""),
            (".m[?(@.v!=1)].k", "\"y\""),
            (".m[?(@.on)].k", "\"y\""),
            (".m[?(@.on==true)].k", "can only compare one element at a time"),
            (".m[?(@.k==1)].v", "incompatible types for comparison"),
            (".m[?(@.k=~'y')].v", "unrecognized character in action: U+007E '~'"),
            ("..k", "\"x\" \"y\" \"v\""),
            (".spec.*.k", "\"v\""),
            (".spec.l[", "unterminated array"),
            (".spec.l[a]", "invalid array index a"),
            (".m[?(@.k", "unterminated filter"),
            (".m[?(@.k)", "unclosed array expect ]"),
            ("....a", "invalid multiple recursive descent"),
        ];
        for (path, expect) in cases {
            let found = JsonPath::parse(path).and_then(|path| {
                path.find(&object).map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
            });
            assert_eq!(found.unwrap_or_else(|error| error), expect, "{path}");
        }
    }

    #[test]
    fn texts() {
        let cases = [
            (json!("a"), "a"),
            (json!(["p", 1]), "[\"p\",1]"),
            (json!({"k": "v"}), "{\"k\":\"v\"}"),
            (json!(3), "3"),
            (json!(3.0), "3"),
            (json!(true), "true"),
            (json!(null), "<no value>"),
        ];
        for (value, expect) in cases {
            assert_eq!(to_text(&value), expect);
        }
    }
}
