//! Character classes of names, written out: they are checked far too often for regular expressions.

/// One or more characters, each of `inner`, the first of `first` and the last of `last`.
pub(super) fn spelled(value: &str, first: fn(u8) -> bool, inner: fn(u8) -> bool, last: fn(u8) -> bool) -> bool {
    match value.as_bytes() {
        [] => false,
        [only] => first(*only) && last(*only),
        [head, middle @ .., tail] => first(*head) && last(*tail) && middle.iter().all(|byte| inner(*byte)),
    }
}

/// `[a-z]`.
pub(super) fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase()
}

/// `[a-z0-9]`.
pub(super) fn lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// `[-a-z0-9]`.
pub(super) fn label_inner(byte: u8) -> bool {
    lower_or_digit(byte) || byte == b'-'
}

/// `[A-Za-z0-9]`.
pub(super) fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// `[-A-Za-z0-9_.]`.
pub(super) fn name_inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}
