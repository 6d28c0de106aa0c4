//! From text to tokens: the longest that fits, and a complaint where nothing does.

use crate::parse::token::{Kind, Token};
use crate::source::{Reports, Source};

const SYMBOLS: [(&str, Kind); 24] = [
    ("==", Kind::Equals),
    ("!=", Kind::NotEquals),
    ("<=", Kind::LessEquals),
    (">=", Kind::GreaterEquals),
    ("&&", Kind::And),
    ("||", Kind::Or),
    ("<", Kind::Less),
    (">", Kind::Greater),
    ("[", Kind::BracketOpen),
    ("]", Kind::BracketClose),
    ("{", Kind::BraceOpen),
    ("}", Kind::BraceClose),
    ("(", Kind::ParenOpen),
    (")", Kind::ParenClose),
    (".", Kind::Dot),
    (",", Kind::Comma),
    ("-", Kind::Minus),
    ("!", Kind::Exclamation),
    ("?", Kind::Question),
    (":", Kind::Colon),
    ("+", Kind::Plus),
    ("*", Kind::Star),
    ("/", Kind::Slash),
    ("%", Kind::Percent),
];

/// All tokens; the last is the end.
pub(super) fn tokens(source: &Source<'_>, reports: &mut Reports) -> Vec<Token> {
    let lexer = Lexer { chars: &source.chars };
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < source.chars.len() {
        match lexer.next(at) {
            Ok((Some(kind), end)) => {
                tokens.push(Token { kind, start: at, end });
                at = end;
            }
            Ok((None, end)) => at = end,
            Err(failed) => {
                let end = (failed + 1).min(source.chars.len());
                let text: String = source.chars[at..end].iter().collect();
                reports.report(source, at, format!("Syntax error: token recognition error at: '{text}'"));
                at = end;
            }
        }
    }
    tokens.push(Token { kind: Kind::End, start: source.chars.len(), end: source.chars.len() });
    tokens
}

struct Lexer<'a> {
    chars: &'a [char],
}

impl Lexer<'_> {
    fn at(&self, index: usize) -> Option<char> {
        self.chars.get(index).copied()
    }

    fn run(&self, from: usize, fits: impl Fn(char) -> bool) -> usize {
        self.chars[from.min(self.chars.len())..].iter().take_while(|next| fits(**next)).count() + from
    }

    /// The token that starts here (none for white space and comments) and where it ends, or where it fails.
    fn next(&self, start: usize) -> Result<(Option<Kind>, usize), usize> {
        let first = self.at(start).unwrap_or(' ');
        match first {
            '\t' | ' ' | '\r' | '\n' | '\u{c}' => {
                return Ok((None, self.run(start, |next| matches!(next, '\t' | ' ' | '\r' | '\n' | '\u{c}'))));
            }
            '/' if self.at(start + 1) == Some('/') => return Ok((None, self.run(start, |next| next != '\n'))),
            '0'..='9' => return Ok(self.number(start)),
            '.' if self.at(start + 1).is_some_and(|next| next.is_ascii_digit()) => return Ok(self.number(start)),
            '"' | '\'' => return self.string(start, false).map(|end| (Some(Kind::String), end)),
            '`' => return self.escaped_identifier(start),
            'a'..='z' | 'A'..='Z' | '_' => return Ok(self.word(start)),
            _ => {}
        }
        for (symbol, kind) in SYMBOLS {
            if symbol.chars().enumerate().all(|(index, next)| self.at(start + index) == Some(next)) {
                return Ok((Some(kind), start + symbol.len()));
            }
        }
        // Half of `==`, `&&` or `||` fails at the character behind it.
        Err(if matches!(first, '=' | '&' | '|') { start + 1 } else { start })
    }

    fn word(&self, start: usize) -> (Option<Kind>, usize) {
        let end = self.run(start, |next| next.is_ascii_alphanumeric() || next == '_');
        let word: String = self.chars[start..end].iter().collect();
        // `r'…'`, `b'…'`, `br'…'`, in either case.
        let lower = word.to_ascii_lowercase();
        if matches!(self.at(end), Some('"' | '\''))
            && let Some((kind, raw)) = match lower.as_str() {
                "r" => Some((Kind::String, true)),
                "b" => Some((Kind::Bytes, false)),
                "br" => Some((Kind::Bytes, true)),
                _ => None,
            }
            && let Ok(end) = self.string(end, raw)
        {
            return (Some(kind), end);
        }
        let kind = match word.as_str() {
            "in" => Kind::In,
            "true" => Kind::True,
            "false" => Kind::False,
            "null" => Kind::Null,
            _ => Kind::Identifier,
        };
        (Some(kind), end)
    }

    fn number(&self, start: usize) -> (Option<Kind>, usize) {
        let digit = |next: char| next.is_ascii_digit();
        if self.at(start) == Some('0')
            && self.at(start + 1) == Some('x')
            && self.at(start + 2).is_some_and(|next| next.is_ascii_hexdigit())
        {
            let end = self.run(start + 2, |next| next.is_ascii_hexdigit());
            return match self.at(end) {
                Some('u' | 'U') => (Some(Kind::Uint), end + 1),
                _ => (Some(Kind::Int), end),
            };
        }
        let whole = self.run(start, digit);
        let mut end = whole;
        if self.at(end) == Some('.') && self.at(end + 1).is_some_and(digit) {
            end = self.run(end + 1, digit);
        }
        if matches!(self.at(end), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.at(end + 1), Some('+' | '-')));
            if self.at(end + 1 + sign).is_some_and(digit) {
                end = self.run(end + 1 + sign, digit);
            }
        }
        match self.at(end) {
            _ if end > whole => (Some(Kind::Float), end),
            Some('u' | 'U') => (Some(Kind::Uint), end + 1),
            _ => (Some(Kind::Int), end),
        }
    }

    /// Where the text that starts with a quote ends, or where it fails.
    fn string(&self, start: usize, raw: bool) -> Result<usize, usize> {
        let quote = self.at(start).unwrap_or('"');
        let is_quote = |index: usize| self.at(index) == Some(quote);
        let triple = is_quote(start + 1) && is_quote(start + 2);
        let mut at = if triple { start + 3 } else { start + 1 };
        loop {
            match self.at(at) {
                Some(next) if next == quote && (!triple || is_quote(at + 1) && is_quote(at + 2)) => {
                    return Ok(if triple { at + 3 } else { at + 1 });
                }
                Some('\n' | '\r') if !triple => return Err(at),
                Some('\\') if !raw => match self.escape(at) {
                    Ok(end) => at = end,
                    // The two quotes before the third are a string of their own.
                    Err(_) if triple => return Ok(start + 2),
                    Err(failed) => return Err(failed),
                },
                Some(_) => at += 1,
                None if triple => return Ok(start + 2),
                None => return Err(at),
            }
        }
    }

    /// Where an escape sequence ends, or where it fails.
    fn escape(&self, start: usize) -> Result<usize, usize> {
        let run = |from: usize, count: usize, fits: &dyn Fn(char) -> bool| match (from..from + count)
            .find(|index| !self.at(*index).is_some_and(fits))
        {
            Some(failed) => Err(failed),
            None => Ok(from + count),
        };
        let hex = |next: char| next.is_ascii_hexdigit();
        match self.at(start + 1) {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '"' | '\'' | '\\' | '?' | '`') => Ok(start + 2),
            Some('x' | 'X') => run(start + 2, 2, &hex),
            Some('u') => run(start + 2, 4, &hex),
            Some('U') => run(start + 2, 8, &hex),
            Some('0'..='3') => run(start + 2, 2, &|next| ('0'..='7').contains(&next)),
            _ => Err(start + 1),
        }
    }

    fn escaped_identifier(&self, start: usize) -> Result<(Option<Kind>, usize), usize> {
        let end =
            self.run(start + 1, |next| next.is_ascii_alphanumeric() || matches!(next, '_' | '.' | '-' | '/' | ' '));
        match self.at(end) {
            Some('`') if end > start + 1 => Ok((Some(Kind::EscapedIdentifier), end + 1)),
            _ => Err(end),
        }
    }
}
