//! Which of several masters answers.

/// Which master leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Leader {
    /// None, as far as is known.
    None,
    /// This one.
    #[default]
    Me,
    /// Another, by `host:port`.
    Other(String),
}
