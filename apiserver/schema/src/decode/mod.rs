//! Bytes to objects: JSON and YAML bodies, and trees that a patch has changed, against a [`Schema`].
//!
//! The outcome is what upstream's Go structs would hold and write again; see the crate's page for the steps around it.
//! `node` reads text into an ordered tree that still knows duplicates, `typed` walks it along the schema, `scalar`
//! makes single values canonical, `syntax` finds Go's words for malformed JSON.

mod json;
mod node;
mod scalar;
mod syntax;
mod typed;
mod yaml;

use kubernel_meta::Object;
use serde_json::Value;

use crate::{Error, Schema};
use node::Node;

pub(crate) use scalar::{bytes_to_value, double_value, quantity_text, value_to_bytes};
pub(crate) use typed::is_zero;

/// An object and what strict decoding has to say about the text it came from.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Decoded {
    /// The object.
    pub object: Object,
    /// `unknown field "spec.x"`, `duplicate field "spec.y"`, in the order of the text: each a `Warning` header, or all
    /// of them joined by `, ` behind `strict decoding error: ` (see [`Decoded::strict_error`]).
    pub strict: Vec<String>,
}

/// A body that has been read but not yet held against a schema, so that its kind can be asked first.
#[derive(Debug)]
pub struct Document<'a> {
    node: Node<'a>,
    strict: Vec<String>,
}

/// Reads a JSON body.
pub fn json(schema: &Schema, bytes: &[u8]) -> Result<Decoded, Error> {
    Document::json(bytes)?.decode(schema)
}

/// Reads a YAML body.
pub fn yaml(schema: &Schema, bytes: &[u8]) -> Result<Decoded, Error> {
    Document::yaml(bytes)?.decode(schema)
}

/// Brings a tree (after a patch, from our own code) into the form that [`json`] gives.
pub fn value(schema: &Schema, value: Value) -> Result<Decoded, Error> {
    Document { node: Node::from_value(value, 0)?, strict: Vec::new() }.decode(schema)
}

/// `apiVersion` and `kind` of a JSON body; empty where they are missing.
pub fn type_meta(bytes: &[u8]) -> Result<(String, String), Error> {
    let document = Document::json(bytes)?;
    let (api_version, kind) = document.type_meta()?;
    Ok((api_version.to_owned(), kind.to_owned()))
}

impl<'a> Document<'a> {
    /// Reads a JSON body.
    pub fn json(bytes: &'a [u8]) -> Result<Self, Error> {
        match json::read(bytes) {
            Some(node) => Ok(Self { node, strict: Vec::new() }),
            None => Err(syntax::error(bytes)),
        }
    }

    /// Reads a YAML body of one document.
    pub fn yaml(bytes: &'a [u8]) -> Result<Self, Error> {
        let (node, strict) = yaml::read(bytes)?;
        Ok(Self { node, strict })
    }

    /// `apiVersion` and `kind`; empty where they are missing. The error is upstream's, to follow
    /// `couldn't get version/kind; json parse error: `.
    pub fn type_meta(&self) -> Result<(&str, &str), Error> {
        let Node::Map(entries) = &self.node else {
            return match &self.node {
                Node::Null => Ok(("", "")),
                other => Err(Error::Value(format!(
                    "json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \
                     \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
                    other.kind()
                ))),
            };
        };
        let text = |name: &str| {
            let mut found = "";
            // Go's own decoder, which upstream uses here, takes names in any case.
            for (_, node) in entries.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)) {
                match node {
                    Node::Text(text) => found = text,
                    Node::Null => {}
                    other => {
                        let kind = other.kind();
                        let message =
                            format!("json: cannot unmarshal {kind} into Go struct field .{name} of type string");
                        return Err(Error::Value(message));
                    }
                }
            }
            Ok(found)
        };
        Ok((text("apiVersion")?, text("kind")?))
    }

    /// What is wrong with the text itself, strictly speaking: YAML's duplicate keys. Those of JSON show in
    /// [`Document::decode`].
    pub fn strict(&self) -> &[String] {
        &self.strict
    }

    /// Whether a field is there twice: what [`Document::decode`] would say of that takes far longer to find out.
    pub fn has_duplicates(&self) -> bool {
        self.node.has_duplicates()
    }

    /// Holds the body against a schema.
    pub fn decode(self, schema: &Schema) -> Result<Decoded, Error> {
        let mut decoded = typed::decode(schema, self.node)?;
        decoded.strict.splice(0..0, self.strict);
        Ok(decoded)
    }

    /// The body as it is: the last of duplicate fields, nothing dropped, nothing checked.
    pub fn into_value(self) -> Value {
        self.node.into_value()
    }
}

impl Document<'_> {
    /// The body as it is, and what is wrong with its text, strictly speaking: duplicate fields, with their paths.
    pub fn into_strict_value(self) -> (Value, Vec<String>) {
        let mut strict = self.strict;
        let value = self.node.into_strict_value(&mut String::new(), &mut strict);
        (value, strict)
    }
}

impl Decoded {
    /// What [`strict_error`] says of the body.
    pub fn strict_error(&self) -> Option<String> {
        strict_error(&self.strict)
    }
}

/// `strict decoding error: unknown field "a", duplicate field "b"`; `None` where there is nothing to report.
pub fn strict_error(strict: &[String]) -> Option<String> {
    (!strict.is_empty()).then(|| format!("strict decoding error: {}", strict.join(", ")))
}

#[cfg(test)]
mod tests;
