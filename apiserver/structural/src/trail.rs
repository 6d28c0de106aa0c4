//! Where a walk is, as a chain on the stack: made into text only for an error.

use kubernel_meta::field::Path;

/// A place in a tree.
#[derive(Clone, Copy)]
pub(crate) enum Trail<'a> {
    /// Where the walk began: the path before it, or nothing.
    Root(Option<&'a Path>),
    Field(&'a Trail<'a>, &'a str),
    Key(&'a Trail<'a>, &'a str),
    Index(&'a Trail<'a>, usize),
}

/// How upstream prints the path of an error that concerns the whole object.
pub(crate) const NOWHERE: &str = "<nil>";

impl Trail<'_> {
    /// The path with map keys in brackets (`spec.m[y]`); `<nil>` at the root of an object.
    pub(crate) fn path(&self) -> Path {
        self.text().unwrap_or_else(|| Path::root(NOWHERE))
    }

    fn text(&self) -> Option<Path> {
        let below = |parent: &Trail<'_>| parent.text().unwrap_or_else(|| Path::root(""));
        match self {
            Self::Root(base) => base.cloned(),
            Self::Field(parent, name) => Some(below(parent).child(name)),
            Self::Key(parent, key) => Some(below(parent).key(key)),
            Self::Index(parent, index) => Some(below(parent).index(*index)),
        }
    }

    /// The name that the texts of schema validation use: dots for map keys as for fields, nothing for the base.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Root(_) => String::new(),
            Self::Field(parent, name) | Self::Key(parent, name) => {
                let mut text = parent.name();
                if !text.is_empty() {
                    text.push('.');
                }
                text + name
            }
            Self::Index(parent, index) => format!("{}[{index}]", parent.name()),
        }
    }

    /// The path before the walk.
    pub(crate) fn base(&self) -> Option<&Path> {
        match self {
            Self::Root(base) => *base,
            Self::Field(parent, _) | Self::Key(parent, _) | Self::Index(parent, _) => parent.base(),
        }
    }
}
