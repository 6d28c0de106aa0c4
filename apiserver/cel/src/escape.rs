//! How the name of a property becomes an identifier that expressions can select, and back.

/// Words that the grammar keeps for itself, and that are no names of variables.
pub const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Words that are tokens of their own.
const TOKENS: [&str; 4] = ["true", "false", "null", "in"];

fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word) || TOKENS.contains(&word)
}

/// The identifier for a property: `__` becomes `__underscores__`, `.` `__dot__`, `-` `__dash__`, `/` `__slash__`, and a
/// reserved word stands between double underscores. `None` if no identifier can stand for the property.
#[must_use]
pub fn escape(property: &str) -> Option<String> {
    if property.is_empty() || property.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if is_reserved(property) {
        return Some(format!("__{property}__"));
    }
    let mut escaped = String::with_capacity(property.len());
    let mut rest = property;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("__") {
            escaped.push_str("__underscores__");
            rest = after;
            continue;
        }
        match next {
            '.' => escaped.push_str("__dot__"),
            '-' => escaped.push_str("__dash__"),
            '/' => escaped.push_str("__slash__"),
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => escaped.push(next),
            _ => return None,
        }
        rest = &rest[next.len_utf8()..];
    }
    Some(escaped)
}

/// The property for an identifier; `None` if it has an escape sequence that does not exist.
#[must_use]
pub fn unescape(identifier: &str) -> Option<String> {
    let mut property = String::with_capacity(identifier.len());
    let mut rest = identifier;
    while let Some(start) = rest.find("__") {
        let after = &rest[start + 2..];
        let end = match after.find('_') {
            Some(end) if end > 0 && after[end..].starts_with("__") => end,
            _ => {
                // No sequence starts here: the first underscore stands for itself.
                property.push_str(&rest[..=start]);
                rest = &rest[start + 1..];
                continue;
            }
        };
        let word = &after[..end];
        property.push_str(&rest[..start]);
        match word {
            "underscores" => property.push_str("__"),
            "dot" => property.push('.'),
            "dash" => property.push('-'),
            "slash" => property.push('/'),
            reserved if is_reserved(reserved) && word.len() + 4 == identifier.len() => property.push_str(reserved),
            _ => return None,
        }
        rest = &after[end + 2..];
    }
    property.push_str(rest);
    Some(property)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_and_identifiers() {
        for (property, identifier) in [
            ("a", "a"),
            ("_a_", "_a_"),
            ("a__b", "a__underscores__b"),
            ("a.b", "a__dot__b"),
            ("a-b/c", "a__dash__b__slash__c"),
            ("namespace", "__namespace__"),
            ("__namespace__", "__underscores__namespace__underscores__"),
            ("___", "__underscores___"),
        ] {
            assert_eq!(escape(property).as_deref(), Some(identifier), "{property}");
            assert_eq!(unescape(identifier).as_deref(), Some(property), "{identifier}");
        }
        for property in ["", "1a", "a b", "a$b", "ä"] {
            assert_eq!(escape(property), None, "{property}");
        }
        for identifier in ["a__illegal__b", "a__namespace__b"] {
            assert_eq!(unescape(identifier), None, "{identifier}");
        }
    }
}
