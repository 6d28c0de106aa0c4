//! `"%s of %d".format([name, count])`: cel-go's formatted texts, in the manner of the language en_US.

use super::arguments::{list, text};
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Map, Value};

/// Digits after the point where a clause does not say how many.
const PRECISION: usize = 6;
/// More digits than this after the point are refused: they would only take memory.
const PRECISION_MAX: usize = 1000;

pub(super) fn register(functions: &mut Functions) {
    let format: Call = |args| {
        let items: Vec<Value<'_>> = list(args, 1)?.iter().collect();
        printed(text(args, 0)?, &items).map(Value::string).map_err(EvalError::new)
    };
    let parameters = [Type::String, Type::list(Type::Dyn)];
    functions.add("format", [Overload::member("string_format", parameters, Type::String, format)]);
}

fn printed(pattern: &str, items: &[Value<'_>]) -> Result<String, String> {
    let (mut out, mut rest, mut at) = (String::new(), pattern, 0);
    while let Some(start) = rest.find('%') {
        out.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let item = items.get(at).ok_or_else(|| format!("index {at} out of range"))?;
        at += 1;
        let (precision, after) = precision(rest)?;
        let verb = after.chars().next().ok_or("could not parse formatting clause: unexpected end of string")?;
        rest = &after[verb.len_utf8()..];
        let clause = clause(verb, precision, item).map_err(|error| format!("error during formatting: {error}"))?;
        out.push_str(&clause);
    }
    out.push_str(rest);
    Ok(out)
}

/// `.2` after the percent sign, and what follows it.
fn precision(rest: &str) -> Result<(Option<usize>, &str), String> {
    let Some(after) = rest.strip_prefix('.') else { return Ok((None, rest)) };
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let (digits, after) = after.split_at(end);
    match digits.parse() {
        Ok(number) if number <= PRECISION_MAX => Ok((Some(number), after)),
        _ => Err(format!("could not parse formatting clause: unable to parse precision {digits:?}")),
    }
}

fn clause(verb: char, precision: Option<usize>, item: &Value<'_>) -> Result<String, String> {
    let digits = precision.unwrap_or(PRECISION);
    let unfit = |what: &str, allowed: &str| {
        Err(format!("{what} clause can only be used on {allowed}, was given {}", item.ty().name()))
    };
    match (verb, item) {
        ('s', _) => string(item),
        ('d', Value::Int(number)) => Ok(number.to_string()),
        ('d', Value::Uint(number)) => Ok(number.to_string()),
        ('d', _) => unfit("decimal", "integers"),
        ('f', _) => match number(item) {
            Some(number) => Ok(fixed(number, digits)),
            None => unfit("fixed-point", "doubles"),
        },
        ('e', _) => match number(item) {
            Some(number) => Ok(scientific(number, digits)),
            None => unfit("scientific", "doubles"),
        },
        ('b', Value::Bool(flag)) => Ok(u8::from(*flag).to_string()),
        ('b', Value::Int(number)) => Ok(signed(*number, |magnitude| format!("{magnitude:b}"))),
        ('b', Value::Uint(number)) => Ok(format!("{number:b}")),
        ('b', _) => Err(format!("only integers and bools can be formatted as binary, was given {}", item.ty().name())),
        ('o', Value::Int(number)) => Ok(signed(*number, |magnitude| format!("{magnitude:o}"))),
        ('o', Value::Uint(number)) => Ok(format!("{number:o}")),
        ('o', _) => unfit("octal", "integers"),
        ('x' | 'X', _) => match hex(item) {
            Some(hex) => Ok(if verb == 'X' { hex.to_uppercase() } else { hex }),
            None => Err(format!(
                "only integers, byte buffers, and strings can be formatted as hex, was given {}",
                item.ty().name()
            )),
        },
        _ => Err(format!("could not parse formatting clause: unrecognized formatting clause \"{verb}\"")),
    }
}

/// A number for `%f` and `%e`; the texts that name what is no number count as such.
fn number(item: &Value<'_>) -> Option<f64> {
    match item {
        Value::Double(number) => Some(*number),
        Value::String(text) => match &**text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn signed(number: i64, printed: fn(u64) -> String) -> String {
    format!("{}{}", if number < 0 { "-" } else { "" }, printed(number.unsigned_abs()))
}

fn hex(item: &Value<'_>) -> Option<String> {
    let octets = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect();
    match item {
        Value::Int(number) => Some(signed(*number, |magnitude| format!("{magnitude:x}"))),
        Value::Uint(number) => Some(format!("{number:x}")),
        Value::String(text) => Some(octets(text.as_bytes())),
        Value::Bytes(bytes) => Some(octets(bytes)),
        _ => None,
    }
}

fn not_finite(number: f64) -> Option<&'static str> {
    match number {
        _ if number.is_nan() => Some("NaN"),
        f64::INFINITY => Some("∞"),
        f64::NEG_INFINITY => Some("-∞"),
        _ => None,
    }
}

/// With so many digits after the point, and a comma between each three before it.
fn fixed(number: f64, digits: usize) -> String {
    if let Some(text) = not_finite(number) {
        return text.to_owned();
    }
    let text = format!("{number:.digits$}");
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |text| ("-", text));
    let whole = text.split('.').next().unwrap_or_default();
    let mut grouped = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + &text[whole.len()..]
}

/// `1.052033 × 10⁰³`, with narrow spaces.
fn scientific(number: f64, digits: usize) -> String {
    if let Some(text) = not_finite(number) {
        return text.to_owned();
    }
    let text = format!("{number:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("", exponent), |exponent| ("⁻", exponent));
    let raised: String = format!("{exponent:0>2}").chars().map(superscript).collect();
    format!("{mantissa}\u{202f}×\u{202f}10{sign}{raised}")
}

fn superscript(digit: char) -> char {
    match digit {
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        _ => digit.to_digit(10).and_then(|digit| char::from_u32(0x2070 + digit)).unwrap_or(digit),
    }
}

fn string(item: &Value<'_>) -> Result<String, String> {
    match item {
        Value::Null => Ok("null".to_owned()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Int(number) => Ok(number.to_string()),
        Value::Uint(number) => Ok(number.to_string()),
        Value::Double(number) => Ok(crate::value::double_text(*number)),
        Value::String(text) => Ok(text.to_string()),
        Value::Bytes(bytes) => std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| "invalid UTF-8 in bytes, cannot convert to string".to_owned()),
        Value::Timestamp(time) => Ok(time.to_string()),
        Value::Duration(span) => Ok(span.to_string()),
        Value::Type(ty) => Ok(ty.name().to_owned()),
        Value::List(list) => {
            let items: Vec<String> = list.iter().map(|item| literal(&item)).collect::<Result<_, _>>()?;
            Ok(format!("[{}]", items.join(", ")))
        }
        Value::Map(map) => entries(map),
        Value::Optional(_) | Value::Opaque(_) => Err(format!(
            "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and \
             timestamps, was given {}",
            item.ty().name()
        )),
    }
}

/// A value within a list or map, as an expression would write it.
fn literal(item: &Value<'_>) -> Result<String, String> {
    let quoted = |text: &str| kubernel_meta::field::go_quoted(text);
    match item {
        Value::String(text) => Ok(quoted(text)),
        Value::Bytes(_) => Ok(format!("b{}", quoted(&string(item)?))),
        Value::Timestamp(time) => Ok(format!("timestamp({})", quoted(&time.to_string()))),
        Value::Duration(span) => Ok(format!("duration({})", quoted(&span.to_string()))),
        Value::Double(number) if number.is_finite() => Ok(format!("{number:.PRECISION$}")),
        Value::Double(number) if number.is_nan() => Ok("\"NaN\"".to_owned()),
        Value::Double(number) => Ok(if *number > 0.0 { "\"+Inf\"" } else { "\"-Inf\"" }.to_owned()),
        Value::Optional(_) | Value::Opaque(_) => Err(format!("no formatting function for {}", item.ty().name())),
        _ => string(item),
    }
}

fn entries(map: &Map<'_>) -> Result<String, String> {
    let mut pairs = Vec::with_capacity(map.len());
    for key in map.keys() {
        let value = map.get(&key).ok_or_else(|| "could not find key".to_owned())?.map_err(|error| error.to_string())?;
        pairs.push((literal(&key)?, literal(&value)?));
    }
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
    Ok(format!("{{{}}}", pairs.join(", ")))
}
