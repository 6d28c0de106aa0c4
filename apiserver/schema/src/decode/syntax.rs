//! What is wrong with malformed JSON, in the words of Go's `encoding/json` scanner.
//!
//! Only called once a text is known to be malformed, so it may be slow; it never recurses.

use crate::{DEPTH_MAX, Error};

/// Where in a list or map the scanner stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Key,
    Value,
    Item,
}

/// The error for a text that [`super::json::read`] refused.
pub(super) fn error(bytes: &[u8]) -> Error {
    let mut scanner = Scanner { bytes, at: 0 };
    match scanner.document() {
        Err(error) => error,
        // The scanner found nothing wrong with the grammar, so the nesting was too deep.
        Ok(()) => Error::Depth,
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Scan = Result<(), Error>;

impl Scanner<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn next_after_spaces(&mut self) -> Option<u8> {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.next()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn document(&mut self) -> Scan {
        let mut stack: Vec<Place> = Vec::new();
        loop {
            // A value begins here.
            let opened = self.value_begin(&stack)?;
            if let Some(place) = opened {
                stack.push(place);
                if stack.len() > DEPTH_MAX + 1 {
                    return Err(Error::Depth);
                }
                let closes = if place == Place::Key { b'}' } else { b']' };
                let next = self.peek_after_spaces();
                if next != Some(closes) {
                    if place == Place::Key {
                        self.key()?;
                        self.replace_top(&mut stack, Place::Value);
                    }
                    continue;
                }
                self.next();
                stack.pop();
            }
            // A value has ended: go on in the list or map around it.
            loop {
                let Some(place) = stack.last().copied() else {
                    return match self.next_after_spaces() {
                        None => Ok(()),
                        other => Err(unexpected(other, "after top-level value")),
                    };
                };
                let (close, context) = match place {
                    Place::Item => (b']', "after array element"),
                    _ => (b'}', "after object key:value pair"),
                };
                match self.next_after_spaces() {
                    Some(b',') => {
                        if place != Place::Item {
                            self.key()?;
                        }
                        break;
                    }
                    Some(byte) if byte == close => {
                        stack.pop();
                    }
                    other => return Err(unexpected(other, context)),
                }
            }
        }
    }

    fn replace_top(&self, stack: &mut [Place], place: Place) {
        if let Some(top) = stack.last_mut() {
            *top = place;
        }
    }

    fn peek_after_spaces(&mut self) -> Option<u8> {
        let byte = self.next_after_spaces();
        self.at -= 1;
        byte
    }

    /// Scans a scalar, or the opening of a list or map, which it names.
    fn value_begin(&mut self, _stack: &[Place]) -> Result<Option<Place>, Error> {
        match self.next_after_spaces() {
            Some(b'{') => return Ok(Some(Place::Key)),
            Some(b'[') => return Ok(Some(Place::Item)),
            Some(b'"') => self.text()?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            Some(b'-') => match self.next() {
                Some(b'0') => self.after_integer()?,
                Some(b'1'..=b'9') => self.integer()?,
                other => return Err(unexpected(other, "in numeric literal")),
            },
            Some(b'0') => self.after_integer()?,
            Some(b'1'..=b'9') => self.integer()?,
            other => return Err(unexpected(other, "looking for beginning of value")),
        }
        Ok(None)
    }

    /// A key with its colon.
    fn key(&mut self) -> Scan {
        match self.next_after_spaces() {
            Some(b'"') => self.text()?,
            other => return Err(unexpected(other, "looking for beginning of object key string")),
        }
        match self.next_after_spaces() {
            Some(b':') => Ok(()),
            other => Err(unexpected(other, "after object key")),
        }
    }

    fn word(&mut self, word: &str) -> Scan {
        for expected in word.bytes().skip(1) {
            match self.next() {
                Some(byte) if byte == expected => {}
                other => {
                    let context = format!("in literal {word} (expecting '{}')", char::from(expected));
                    return Err(unexpected(other, &context));
                }
            }
        }
        Ok(())
    }

    fn text(&mut self) -> Scan {
        loop {
            match self.next() {
                Some(b'"') => return Ok(()),
                Some(b'\\') => match self.next() {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                    Some(b'u') => {
                        for _ in 0..4 {
                            match self.next() {
                                Some(byte) if byte.is_ascii_hexdigit() => {}
                                other => return Err(unexpected(other, "in \\u hexadecimal character escape")),
                            }
                        }
                    }
                    other => return Err(unexpected(other, "in string escape code")),
                },
                Some(byte) if byte >= 0x20 => {}
                other => return Err(unexpected(other, "in string literal")),
            }
        }
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn integer(&mut self) -> Scan {
        self.digits();
        self.after_integer()
    }

    fn after_integer(&mut self) -> Scan {
        if self.peek() == Some(b'.') {
            self.at += 1;
            match self.next() {
                Some(byte) if byte.is_ascii_digit() => self.digits(),
                other => return Err(unexpected(other, "after decimal point in numeric literal")),
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            match self.next() {
                Some(byte) if byte.is_ascii_digit() => self.digits(),
                other => return Err(unexpected(other, "in exponent of numeric literal")),
            }
        }
        Ok(())
    }
}

fn unexpected(byte: Option<u8>, context: &str) -> Error {
    Error::Syntax(match byte {
        None => "unexpected end of JSON input".to_owned(),
        Some(byte) => format!("invalid character {} {context}", quoted(byte)),
    })
}

/// A byte as Go quotes the character of that number.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\\' => "'\\\\'".to_owned(),
        7 => "'\\a'".to_owned(),
        8 => "'\\b'".to_owned(),
        b'\t' => "'\\t'".to_owned(),
        b'\n' => "'\\n'".to_owned(),
        11 => "'\\v'".to_owned(),
        12 => "'\\f'".to_owned(),
        b'\r' => "'\\r'".to_owned(),
        0..0x20 | 0x7f => format!("'\\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!("'\\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}
