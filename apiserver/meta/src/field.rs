//! Field errors of validation: where, what kind, which value, and why (apimachinery `field.Error`).

use std::fmt;

use serde_json::Value;

/// What kind of mistake a field error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is upstream's field.ErrorType of that name")]
pub enum Reason {
    NotFound,
    Required,
    Duplicate,
    Invalid,
    NotSupported,
    Forbidden,
    TooLong,
    TooMany,
    Internal,
    TypeInvalid,
}

/// One mistake at one path. `Display` gives upstream's `spec.a: Invalid value: "v": detail`.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What kind of mistake.
    pub reason: Reason,
    /// The path in Go's form, for example `spec.containers[0].name` or `metadata.labels[a/b]`.
    pub path: String,
    /// The offending value; ignored for `Required`, `Forbidden`, `Internal`, `TooLong` and `TooMany`.
    pub value: Value,
    /// Why it is wrong.
    pub detail: String,
    /// The value as upstream prints it, where that is not the JSON of `value`: its internal structs have other field
    /// names, in Go's order. An empty text: upstream leaves the value out.
    pub shown: Option<String>,
}

/// A path into an object, built on the way down: `Path::root("spec").child("containers").index(0)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(String);

impl Reason {
    /// The text before the value, for example `Invalid value`.
    pub fn title(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Internal => "Internal error",
        }
    }

    /// The `causes[].reason` it becomes, for example `FieldValueInvalid`.
    pub fn cause(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::Internal => "InternalError",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }
}

impl Path {
    /// A path of one field.
    pub fn root(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The object as a whole: Go prints a path without a name so.
    pub fn whole() -> Self {
        Self("[]".to_owned())
    }

    /// The field of this name below; below the empty path it is the root.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self(name.to_owned()) } else { Self(format!("{}.{name}", self.0)) }
    }

    /// The list item at this index.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The map entry of this key.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0))
    }

    /// `Invalid value: "v": detail`.
    pub fn invalid(&self, value: impl Into<Value>, detail: impl Into<String>) -> Error {
        self.error(Reason::Invalid, value, detail)
    }

    /// `Required value: detail`.
    pub fn required(&self, detail: impl Into<String>) -> Error {
        self.error(Reason::Required, Value::Null, detail)
    }

    /// `Forbidden: detail`.
    pub fn forbidden(&self, detail: impl Into<String>) -> Error {
        self.error(Reason::Forbidden, Value::Null, detail)
    }

    /// `Duplicate value: "v"`.
    pub fn duplicate(&self, value: impl Into<Value>) -> Error {
        self.error(Reason::Duplicate, value, "")
    }

    /// `Not found: "v"`.
    pub fn not_found(&self, value: impl Into<Value>) -> Error {
        self.error(Reason::NotFound, value, "")
    }

    /// `Unsupported value: "v": supported values: "a", "b"`, the values in the order given (upstream sorts them).
    pub fn not_supported(&self, value: impl Into<Value>, supported: &[&str]) -> Error {
        let quoted: Vec<String> = supported.iter().map(|s| format!("\"{s}\"")).collect();
        let detail = if quoted.is_empty() { String::new() } else { format!("supported values: {}", quoted.join(", ")) };
        self.error(Reason::NotSupported, value, detail)
    }

    /// `Too long: may not be more than N bytes`.
    pub fn too_long(&self, bytes_max: usize) -> Error {
        self.error(Reason::TooLong, Value::Null, format!("may not be more than {bytes_max} bytes"))
    }

    /// `Too many: N: must have at most M items`.
    pub fn too_many(&self, count: usize, count_max: usize) -> Error {
        let items = if count_max == 1 { "item" } else { "items" };
        self.error(Reason::TooMany, Value::from(count), format!("must have at most {count_max} {items}"))
    }

    /// An error of this kind here.
    pub fn error(&self, reason: Reason, value: impl Into<Value>, detail: impl Into<String>) -> Error {
        Error { reason, path: self.0.clone(), value: value.into(), detail: detail.into(), shown: None }
    }

    /// The path's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Error {
    /// The same error with its value printed as `shown`.
    #[must_use]
    pub fn shown_as(mut self, shown: impl Into<String>) -> Self {
        self.shown = Some(shown.into());
        self
    }

    /// The text without the path: `Invalid value: "v": detail` (field.Error.ErrorBody).
    pub fn body(&self) -> String {
        let title = self.reason.title();
        let head = match self.reason {
            Reason::Required | Reason::Forbidden | Reason::TooLong | Reason::Internal => title.to_owned(),
            _ => match self.shown.as_deref() {
                Some("") => title.to_owned(),
                Some(shown) => format!("{title}: {shown}"),
                None => format!("{title}: {}", go_value(&self.value)),
            },
        };
        if self.detail.is_empty() { head } else { format!("{head}: {}", self.detail) }
    }
}

/// Errors as one text, each text once: `a`, or `[a, b]`; `None` for no errors (field.ErrorList.ToAggregate).
pub fn aggregate(errors: &[Error]) -> Option<String> {
    let mut texts: Vec<String> = Vec::with_capacity(errors.len());
    for text in errors.iter().map(Error::to_string) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        _ => Some(format!("[{}]", texts.join(", "))),
    }
}

/// A value as Go prints it in a field error: strings and composite values quoted or as JSON, nothing as `null`.
fn go_value(value: &Value) -> String {
    match value {
        Value::String(text) => go_quoted(text),
        other => html_safe(&other.to_string()),
    }
}

/// JSON as Go writes it: so that it can stand in HTML and in JavaScript.
pub fn html_safe(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// A text in double quotes, as Go's `%q` and `strconv.Quote` write it.
pub fn go_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            _ if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            _ if is_printed(c) => out.push(c),
            _ if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// Whether Go prints a character as it is (`unicode.IsPrint`): no control characters, no spaces but the common one.
/// Characters of no assigned meaning are printed, where Go escapes them.
pub fn is_printed(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let private = matches!(u32::from(c), 0xe000..=0xf8ff | 0xf0000..=0x10ffff);
    !c.is_control() && (c == ' ' || !c.is_whitespace()) && !invisible && !private
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.body())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
