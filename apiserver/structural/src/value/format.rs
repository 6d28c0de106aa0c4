//! The string formats that Kubernetes checks (its selection of strfmt's). Dashes in names do not count.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kubernel_cel::pattern;
use kubernel_meta::validation;

/// Base64 as Go's `StdEncoding` reads it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

const CREDIT_CARD: &str = "^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|\
                           3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\\d{3})\\d{11})$";
const HEX_COLOR: &str = "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$";
const HOST_LABEL: &str = "^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$";
const OBJECT_ID: &str = "^[0-9a-fA-F]{24}$";
const RGB_COLOR: &str = "^rgb\\(\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*,\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\
                         \\s*,\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*\\)$";
const SSN: &str = "^\\d{3}[- ]?\\d{2}[- ]?\\d{4}$";
const UUID: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
const UUID_3: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
const UUID_4: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$";
const UUID_5: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$";
const HOST_LENGTH_MAX: usize = 255;
const HOST_LABEL_LENGTH_MAX: usize = 63;

/// Whether a format is one that Kubernetes knows: one of strings that is checked, or one of numbers.
pub(crate) fn is_known(format: &str) -> bool {
    const KNOWN: [&str; 30] = [
        "bsonobjectid",
        "uri",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "cidr",
        "mac",
        "uuid",
        "uuid3",
        "uuid4",
        "uuid5",
        "isbn",
        "isbn10",
        "isbn13",
        "creditcard",
        "ssn",
        "hexcolor",
        "rgbcolor",
        "byte",
        "password",
        "date",
        "duration",
        "datetime",
        "k8sshortname",
        "k8slongname",
        "int32",
        "int64",
        "float",
        "double",
    ];
    KNOWN.contains(&format.replace('-', "").as_str())
}

/// Whether a text has the format; any text has a format that is not known.
pub(super) fn fits(format: &str, text: &str) -> bool {
    match format.replace('-', "").as_str() {
        "bsonobjectid" => matches(OBJECT_ID, text),
        "uri" => is_request_uri(text),
        "email" => is_email(text),
        "hostname" => is_hostname(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.contains(':') && text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => text.parse::<ipnet::IpNet>().is_ok(),
        "mac" => is_mac(text),
        "uuid" => matches(UUID, text),
        "uuid3" => matches(UUID_3, text),
        "uuid4" => matches(UUID_4, text),
        "uuid5" => matches(UUID_5, text),
        "isbn" => is_isbn10(text) || is_isbn13(text),
        "isbn10" => is_isbn10(text),
        "isbn13" => is_isbn13(text),
        "creditcard" => is_credit_card(text),
        "ssn" => matches(SSN, text),
        "hexcolor" => matches(HEX_COLOR, text),
        "rgbcolor" => matches(RGB_COLOR, text),
        "byte" => BASE64.decode(text.replace(['\r', '\n'], "")).is_ok(),
        "date" => is_date(text),
        "datetime" => is_date_time(text),
        "duration" => is_duration(text),
        "k8sshortname" => validation::dns1123_label(text).is_empty(),
        "k8slongname" => validation::dns1123_subdomain(text).is_empty(),
        _ => true,
    }
}

/// Patterns of this file are compiled once: [`pattern::compile`] keeps them.
fn matches(expression: &str, text: &str) -> bool {
    pattern::compile(expression).is_ok_and(|regex| regex.is_match(text))
}

/// What Go's `url.ParseRequestURI` accepts: a path from the root, or a scheme and what follows it.
fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.chars().any(|c| c.is_ascii_control()) {
        return false;
    }
    if text.starts_with('/') || text == "*" {
        return has_whole_escapes(text);
    }
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.chars();
    let scheme_fits = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !scheme_fits {
        return false;
    }
    match rest.strip_prefix("//") {
        Some(rest) => {
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            has_whole_escapes(rest) && is_authority(authority)
        }
        None => true,
    }
}

fn is_authority(authority: &str) -> bool {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = match host.rsplit_once(']') {
        Some((address, port)) if address.starts_with('[') => port,
        Some(_) => return false,
        None => host.find(':').map_or("", |at| &host[at..]),
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    !host.contains([' ', '<', '>', '"', '\\', '^', '`', '{', '|', '}'])
        && (port.is_empty() || port.starts_with(':'))
        && digits.chars().all(|c| c.is_ascii_digit())
}

fn has_whole_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|part| {
        let bytes = part.as_bytes();
        bytes.len() >= 2 && bytes[0].is_ascii_hexdigit() && bytes[1].is_ascii_hexdigit()
    })
}

/// An address as RFC 5322 writes it, perhaps with a name before it in angle brackets.
fn is_email(text: &str) -> bool {
    let address = match text.trim().strip_suffix('>') {
        Some(named) => match named.split_once('<') {
            Some((_, address)) => address,
            None => return false,
        },
        None => text.trim(),
    };
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let atom = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let literal = domain.starts_with('[') && domain.ends_with(']');
    (quoted || local.split('.').all(atom)) && (literal || domain.split('.').all(atom))
}

fn is_hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    !name.is_empty()
        && name.len() <= HOST_LENGTH_MAX
        && name.split('.').all(|label| label.len() <= HOST_LABEL_LENGTH_MAX && matches(HOST_LABEL, label))
}

/// EUI-48, EUI-64, or 20 octets; pairs with colons or dashes, or groups of four with dots (Go's `net.ParseMAC`).
fn is_mac(text: &str) -> bool {
    let groups = |separator: char, width: usize, counts: [usize; 3]| {
        let parts: Vec<&str> = text.split(separator).collect();
        counts.contains(&parts.len())
            && parts.iter().all(|part| part.len() == width && part.chars().all(|c| c.is_ascii_hexdigit()))
    };
    groups(':', 2, [6, 8, 20]) || groups('-', 2, [6, 8, 20]) || groups('.', 4, [3, 4, 10])
}

fn is_isbn10(text: &str) -> bool {
    let digits: Vec<char> = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    digits.len() == 10
        && digits.iter().enumerate().all(|(at, c)| c.is_ascii_digit() || (at == 9 && *c == 'X'))
        && digits.iter().zip(1..).map(|(c, weight)| c.to_digit(10).unwrap_or(10) * weight).sum::<u32>() % 11 == 0
}

fn is_isbn13(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_digit(10)).collect();
    digits.is_some_and(|digits| {
        digits.len() == 13 && digits.iter().zip([1, 3].iter().cycle()).map(|(d, w)| d * w).sum::<u32>() % 10 == 0
    })
}

fn is_credit_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let sum: u32 = digits
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .enumerate()
        .map(|(at, digit)| {
            let doubled = digit * if at % 2 == 1 { 2 } else { 1 };
            doubled / 10 + doubled % 10
        })
        .sum();
    matches(CREDIT_CARD, &digits) && sum.is_multiple_of(10)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// RFC 3339 with `T` or a space, a fraction, and `Z`, an offset, or nothing (which strfmt takes too).
fn is_date_time(text: &str) -> bool {
    const SHAPE: &str = "^\\d{4}-\\d{2}-\\d{2}[Tt]([01]\\d|2[0-3]):[0-5]\\d:([0-5]\\d|60)(\\.\\d+)?(?:[zZ]|[+-]([01]\\d|2[0-3]):?[0-5]\\d)?$";
    matches(SHAPE, text) && text.get(..10).is_some_and(is_date)
}

/// Go's `time.ParseDuration`, or numbers with units in words (`2 days`, `1 week`), as strfmt reads them.
fn is_duration(text: &str) -> bool {
    const GO: &str = "^[+-]?(0|((\\d+\\.?\\d*|\\.\\d+)(ns|us|µs|μs|ms|s|m|h))+)$";
    const WORDS: &str = "^(?:\\d+\\s*(?:ns|nanos|nanosecond|us|µs|micro|micros|microsecond|ms|milli|millis|millisecond|\
                         s|sec|second|m|min|minute|h|hr|hour|d|day|w|wk|week)s?\\s*)+$";
    matches(GO, text) || matches(WORDS, text)
}
