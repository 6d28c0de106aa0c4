//! What literals stand for.

use crate::ast::Literal;
use crate::parse::token::Kind;

/// The value of a literal token, with its sign if it is a number; the complaint if it has none.
pub(super) fn value(kind: Kind, text: &str) -> Result<Literal, &'static str> {
    match kind {
        Kind::True => Ok(Literal::Bool(true)),
        Kind::False => Ok(Literal::Bool(false)),
        Kind::Int => int(text).ok_or("invalid int literal"),
        Kind::Uint => uint(text).ok_or("invalid uint literal"),
        Kind::Float => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Literal::Double(number)),
            _ => Err("invalid double literal"),
        },
        Kind::String => {
            let bytes = unescape(text, false)?;
            String::from_utf8(bytes).map(|text| Literal::String(text.into())).map_err(|_| "invalid unicode code point")
        }
        Kind::Bytes => unescape(&text[1..], true).map(|bytes| Literal::Bytes(bytes.into())),
        _ => Ok(Literal::Null),
    }
}

fn int(text: &str) -> Option<Literal> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let number = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(&format!("{sign}{hex}"), 16),
        None => format!("{sign}{digits}").parse(),
    };
    number.ok().map(Literal::Int)
}

fn uint(text: &str) -> Option<Literal> {
    let digits = text.trim_end_matches(['u', 'U']);
    let number = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    number.ok().map(Literal::Uint)
}

/// The content of a quoted text. In bytes, `\x` and octal sequences are octets; in text, code points.
fn unescape(quoted: &str, is_bytes: bool) -> Result<Vec<u8>, &'static str> {
    let (raw, quoted) = match quoted.strip_prefix(['r', 'R']) {
        Some(quoted) => (true, quoted),
        None => (false, quoted),
    };
    let width = if quoted.len() >= 6 && (quoted.starts_with("\"\"\"") || quoted.starts_with("'''")) { 3 } else { 1 };
    let content = &quoted[width..quoted.len() - width];
    // Line ends are the same everywhere.
    let content = content.replace("\r\n", "\n").replace('\r', "\n");
    if raw {
        return Ok(content.into_bytes());
    }
    let mut out = Vec::with_capacity(content.len());
    let mut rest = content.chars();
    let mut encoded = [0; 4];
    while let Some(next) = rest.next() {
        if next != '\\' {
            out.extend_from_slice(next.encode_utf8(&mut encoded).as_bytes());
            continue;
        }
        let kind = rest.next().ok_or("unable to unescape string, found '\\' as last character")?;
        let mut code = |digits: usize, radix: u32, first: Option<char>| -> Option<u32> {
            first
                .into_iter()
                .chain(rest.by_ref().take(digits))
                .try_fold(0u32, |code, digit| Some(code * radix + digit.to_digit(radix)?))
        };
        let (code, octet) = match kind {
            'a' => (Some(7), false),
            'b' => (Some(8), false),
            'f' => (Some(12), false),
            'n' => (Some(10), false),
            'r' => (Some(13), false),
            't' => (Some(9), false),
            'v' => (Some(11), false),
            'x' | 'X' => (code(2, 16, None), true),
            'u' | 'U' if is_bytes => return Err("unable to unescape string"),
            'u' => (code(4, 16, None), false),
            'U' => (code(8, 16, None), false),
            '0'..='3' => (code(2, 8, Some(kind)), true),
            other => (Some(u32::from(other)), false),
        };
        let code = code.ok_or("unable to unescape string")?;
        match (octet && is_bytes, u8::try_from(code)) {
            (true, Ok(octet)) => out.push(octet),
            _ => {
                let next = char::from_u32(code).ok_or("invalid unicode code point")?;
                out.extend_from_slice(next.encode_utf8(&mut encoded).as_bytes());
            }
        }
    }
    Ok(out)
}
