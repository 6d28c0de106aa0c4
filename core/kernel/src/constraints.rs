//! Offer constraints: which agents a framework wants to be offered in a role (Mesos 1.11).

use std::{hash, hash::Hash, sync::Arc};

use regex::{Regex, RegexBuilder};

use crate::{Agent, Attribute, limits::PATTERN_BYTES_MAX};

/// An agent suits if all constraints of any group hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Constraints(pub Vec<Vec<Constraint>>);

/// Something that must hold of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Constraint {
    /// What is looked at.
    pub selector: Selector,
    /// What must hold of it.
    pub predicate: Predicate,
}

/// What of an agent is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// Its name in the network.
    Hostname,
    /// The region it stands in.
    Region,
    /// The zone it stands in.
    Zone,
    /// The first attribute of this name.
    Attribute(Arc<str>),
}

/// What must hold. All but the first two hold of every attribute that is there and is no text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is Mesos' AttributeConstraint.Predicate of that name")]
pub enum Predicate {
    Exists,
    NotExists,
    TextEquals(Arc<str>),
    TextNotEquals(Arc<str>),
    TextMatches(Pattern),
    TextNotMatches(Pattern),
}

/// A regular expression that the whole of a text must match; equal if it is written alike.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Arc<str>,
    regex: Regex,
}

/// What is there to be looked at.
enum Seen<'a> {
    Nothing,
    Text(&'a str),
    Other,
}

impl Constraints {
    /// Whether an agent suits.
    pub fn suit(&self, agent: &Agent) -> bool {
        self.0.iter().any(|group| group.iter().all(|constraint| constraint.holds(agent)))
    }
}

impl Constraint {
    fn holds(&self, agent: &Agent) -> bool {
        let domain = agent.traits.domain.as_ref();
        let seen = match &self.selector {
            Selector::Hostname => Seen::Text(agent.hostname()),
            Selector::Region => domain.map_or(Seen::Nothing, |domain| Seen::Text(&domain.region)),
            Selector::Zone => domain.map_or(Seen::Nothing, |domain| Seen::Text(&domain.zone)),
            Selector::Attribute(name) => match agent.traits.attribute(name) {
                None => Seen::Nothing,
                Some(Attribute::Text(value)) => Seen::Text(value),
                Some(_) => Seen::Other,
            },
        };
        match (&self.predicate, seen) {
            (Predicate::Exists, seen) => !matches!(seen, Seen::Nothing),
            (Predicate::NotExists, seen) => matches!(seen, Seen::Nothing),
            (Predicate::TextEquals(_) | Predicate::TextMatches(_), Seen::Nothing) => false,
            (_, Seen::Nothing | Seen::Other) => true,
            (Predicate::TextEquals(value), Seen::Text(text)) => **value == *text,
            (Predicate::TextNotEquals(value), Seen::Text(text)) => **value != *text,
            (Predicate::TextMatches(pattern), Seen::Text(text)) => pattern.regex.is_match(text),
            (Predicate::TextNotMatches(pattern), Seen::Text(text)) => !pattern.regex.is_match(text),
        }
    }
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Why it is none, or that it is too large.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, String> {
        let text = text.into();
        let regex = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(PATTERN_BYTES_MAX).build();
        regex.map(|regex| Self { text, regex }).map_err(|error| error.to_string())
    }

    /// How it is written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
