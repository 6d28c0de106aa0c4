//! The query string.

/// A parsed query string: names and values in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Parses `a=b&c=d`; a plus is a blank. What cannot be decoded is replaced, as Go does not refuse it either.
    pub fn parse(text: &str) -> Self {
        let decode = |text: &str| {
            let blanks = text.replace('+', " ");
            percent_encoding::percent_decode_str(&blanks).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of this name, where it is not empty.
    pub fn non_empty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// All values of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a boolean parameter is set, as upstream reads them: anything but `false`, `0` and nothing is true; a
    /// name without a value is true.
    pub fn flag(&self, name: &str) -> bool {
        self.flag_set(name).unwrap_or(false)
    }

    /// The same, `None` where the parameter was not sent.
    pub fn flag_set(&self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        Some(!(value.eq_ignore_ascii_case("false") || value == "0"))
    }
}
