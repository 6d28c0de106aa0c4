//! JSON paths of fields that a schema knows: `.spec.a`, `.m['k']` (upstream's ValidFieldPath).

use crate::node::Node;

/// A field that was found.
pub struct FieldPath<'a> {
    /// The path as field errors write it: `spec.a`, `m[k]`.
    pub path: String,
    /// What the field holds.
    pub node: &'a Node,
}

/// Finds the field; the error says why there is none. `brackets`: `['k']` is allowed.
pub fn field_path<'a>(text: &str, node: &'a Node, brackets: bool) -> Result<FieldPath<'a>, String> {
    let mut tokens = Tokens { rest: text };
    let mut found = FieldPath { path: String::new(), node };
    let end = || "unexpected end of JSON path".to_owned();
    while let Some(token) = tokens.next() {
        match token {
            "[" if !brackets => return Err("array notation is not allowed".to_owned()),
            "[" => {
                let token = tokens.next().ok_or_else(end)?;
                let quoted = token.strip_prefix('\'').and_then(|token| token.strip_suffix('\''));
                let quoted = quoted.ok_or_else(|| format!("expected single quoted string but got {token}"))?;
                found = found.step(&unescaped(quoted)?)?;
                match tokens.next() {
                    Some("]") => {}
                    Some(token) => return Err(format!("expected ] but got {token}")),
                    None => return Err(end()),
                }
            }
            "." => found = found.step(tokens.next().ok_or_else(end)?)?,
            token => return Err(format!("expected [ or . but got: {token}")),
        }
    }
    Ok(found)
}

impl<'a> FieldPath<'a> {
    fn step(mut self, name: &str) -> Result<FieldPath<'a>, String> {
        let unknown = || "does not refer to a valid field".to_owned();
        if self.node.properties.is_empty() {
            self.node = self.node.additional_schema().ok_or_else(unknown)?;
            self.path = format!("{}[{name}]", self.path);
        } else {
            self.node = self.node.property(name).ok_or_else(unknown)?;
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(name);
        }
        Ok(self)
    }
}

/// Dots and brackets, quoted strings with their quotes, and what is between.
struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Tokens<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let rest = self.rest;
        let first = rest.chars().next()?;
        let length = match first {
            '.' | '[' | ']' => 1,
            '\'' => {
                let bytes = rest.as_bytes();
                let close = (1..bytes.len()).find(|at| bytes[*at] == b'\'' && bytes[*at - 1] != b'\\');
                close.map_or(rest.len(), |at| at + 1)
            }
            _ => rest.find(['.', '[', ']']).unwrap_or(rest.len()),
        };
        self.rest = &rest[length..];
        Some(&rest[..length])
    }
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next() {
            Some('a') => '\x07',
            Some('b') => '\x08',
            Some('f') => '\x0c',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\x0b',
            Some(plain @ ('\'' | '\\')) => plain,
            Some(other) => return Err(format!("invalid string literal: invalid escape char \\{other}")),
            None => {
                out.push('\\');
                break;
            }
        });
    }
    Ok(out)
}
