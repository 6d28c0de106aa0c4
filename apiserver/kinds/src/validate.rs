//! Pieces of validation that many kinds share, each with upstream's paths and texts.

use std::net::{IpAddr, Ipv4Addr};

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

/// What is wrong with the labels and annotations of an embedded metadata (a template's).
pub fn labels_and_annotations(path: &Path, metadata: &Value) -> Vec<Error> {
    let mut errors = meta::labels(pairs(metadata.get("labels")), &path.child("labels"));
    errors.extend(meta::annotations(pairs(metadata.get("annotations")), &path.child("annotations")));
    errors
}

/// `must be greater than or equal to 0` for a negative number; nothing where it is missing.
pub fn non_negative(path: &Path, value: Option<&Value>) -> Option<Error> {
    let number = value.and_then(Value::as_i64)?;
    (number < 0).then(|| path.invalid(number, "must be greater than or equal to 0"))
}

/// `field is immutable` where two values differ.
pub fn immutable(path: &Path, new: Option<&Value>, old: Option<&Value>) -> Option<Error> {
    let present = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned().unwrap_or_default();
    let (new, old) = (present(new), present(old));
    (new != old).then(|| path.invalid(new, "field is immutable"))
}

/// A rule of text: what is wrong with it, if anything.
pub type TextRule = fn(&str) -> Vec<String>;

/// The texts about a value, as errors at its path.
pub fn texts(path: &Path, value: &str, texts: Vec<String>) -> impl Iterator<Item = Error> + use<> {
    texts.into_iter().map(|text| path.invalid(value, text)).collect::<Vec<_>>().into_iter()
}

/// A map of strings as pairs.
pub fn pairs(map: Option<&Value>) -> impl Iterator<Item = (&str, &str)> {
    let pairs = map.and_then(Value::as_object).into_iter().flatten();
    pairs.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}

/// `TCP`, `UDP` or `SCTP`; required.
pub fn protocol(path: &Path, protocol: &str) -> Option<Error> {
    match protocol {
        "" => Some(path.required("")),
        "TCP" | "UDP" | "SCTP" => None,
        other => Some(path.not_supported(other, &["SCTP", "TCP", "UDP"])),
    }
}

/// What is wrong with an optional qualified name (`appProtocol`).
pub fn qualified_name(path: &Path, value: Option<&Value>) -> Vec<Error> {
    match value.and_then(Value::as_str) {
        Some(name) => texts(path, name, meta::label_key(name)).collect(),
        None => Vec::new(),
    }
}

/// What is wrong with a port that is given by number or by name.
pub fn port_or_name(path: &Path, value: Option<&Value>) -> Vec<Error> {
    match value {
        Some(Value::String(name)) => texts(path, name, meta::port_name(name)).collect(),
        Some(number) if number.is_i64() => {
            let number = number.as_i64().unwrap_or_default();
            meta::port_number(number).into_iter().map(|message| path.invalid(number, message)).collect()
        }
        _ => Vec::new(),
    }
}

/// What is wrong with an IP address: it must be one, and written in one way only.
pub fn ip(path: &Path, text: &str) -> Option<Error> {
    if let Ok(address) = text.parse::<IpAddr>() {
        let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        return mapped.then(|| path.invalid(text, "must not be an IPv4-mapped IPv6 address"));
    }
    let plain: Vec<String> = text.split('.').map(without_zeros).collect();
    let detail = match plain.join(".").parse::<Ipv4Addr>() {
        Ok(_) => "must not have leading 0s",
        Err(_) => "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
    };
    Some(path.invalid(text, detail))
}

/// What is to be said about an address that is valid and yet not written as RFC 5952 wants it, or that was let stay.
pub fn ip_warning(path: &Path, text: &str) -> Option<String> {
    let standard = match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            None if v6.to_string() == text => return None,
            None => {
                return Some(format!(
                    "{path}: IPv6 address {text:?} should be in RFC 5952 canonical format (\"{v6}\")"
                ));
            }
            Some(v4) => v4.to_string(),
        },
        Ok(IpAddr::V4(_)) => return None,
        Err(_) => {
            text.split('.').map(without_zeros).collect::<Vec<_>>().join(".").parse::<Ipv4Addr>().ok()?.to_string()
        }
    };
    Some(format!(
        "{path}: non-standard IP address {text:?} will be considered invalid in a future Kubernetes release: use \
         {standard:?}"
    ))
}

/// The same for a network.
pub fn cidr_warning(path: &Path, text: &str) -> Option<String> {
    let net = text.parse::<ipnet::IpNet>().ok()?;
    if net.addr() != net.network() {
        return Some(format!(
            "{path}: CIDR value {text:?} is ambiguous in this context (should be \"{}\" or \"{}\"?)",
            net.trunc(),
            ipnet::IpNet::from(net.addr())
        ));
    }
    let canonical = net.to_string();
    (matches!(net, ipnet::IpNet::V6(_)) && canonical != text)
        .then(|| format!("{path}: IPv6 CIDR value {text:?} should be in RFC 5952 canonical format ({canonical:?})"))
}

/// An address as upstream reads it where it does not validate: with zeros before numbers.
pub fn loose_ip(text: &str) -> Option<IpAddr> {
    let plain = || text.split('.').map(without_zeros).collect::<Vec<_>>().join(".").parse::<Ipv4Addr>().ok();
    text.parse().ok().or_else(|| plain().map(IpAddr::V4))
}

/// A number of an address without the zeros before it.
fn without_zeros(number: &str) -> String {
    match number.trim_start_matches('0') {
        "" if !number.is_empty() => "0".to_owned(),
        rest => rest.to_owned(),
    }
}

/// Whether there is no more than one address of each family.
pub fn one_of_each_family(mut addresses: impl Iterator<Item = IpAddr>) -> bool {
    match (addresses.next(), addresses.next(), addresses.next()) {
        (Some(first), Some(second), None) => first.is_ipv4() != second.is_ipv4(),
        (_, None, _) => true,
        _ => false,
    }
}

/// `Required value` for each of these texts that is missing.
pub fn required(path: &Path, source: &Value, fields: &[&str]) -> Vec<Error> {
    let missing = fields.iter().filter(|field| source.get(**field).and_then(Value::as_str).is_none_or(str::is_empty));
    missing.map(|field| path.child(field).required("")).collect()
}

/// What is wrong with a name like `example.com/path`.
pub fn domain_prefixed_path(path: &Path, text: &str) -> Vec<Error> {
    if text.is_empty() {
        return vec![path.required("")];
    }
    match text.split_once('/') {
        Some((domain, rest)) if !domain.is_empty() && !rest.is_empty() => {
            let mut errors: Vec<Error> = texts(path, domain, meta::dns1123_subdomain(domain)).collect();
            let is_path = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/%".contains(c);
            if !rest.chars().all(is_path) {
                errors.push(path.invalid(rest, "Invalid path"));
            }
            errors
        }
        _ => vec![path.invalid(text, "must be a domain-prefixed path (such as \"acme.io/foo\")")],
    }
}

/// What is wrong with a CIDR: it must be one, and written in one way only.
pub fn cidr(path: &Path, text: &str) -> Option<Error> {
    let zeros = |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
    if text.contains('.') && text.split(['.', '/']).any(zeros) {
        return Some(path.invalid(text, "must not have leading 0s in IP or prefix length"));
    }
    let Ok(net) = text.parse::<ipnet::IpNet>() else {
        return Some(path.invalid(text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"));
    };
    if let ipnet::IpNet::V6(v6) = net
        && v6.addr().to_ipv4_mapped().is_some()
    {
        return Some(path.invalid(text, "must not have an IPv4-mapped IPv6 address"));
    }
    (net.addr() != net.network()).then(|| path.invalid(text, "must not have bits set beyond the prefix length"))
}

/// What is wrong with standard conditions (`metav1.Condition`).
pub fn conditions(path: &Path, conditions: &[Value]) -> Vec<Error> {
    let text =
        |condition: &Value, field: &str| condition.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut errors = Vec::new();
    for (at, condition) in conditions.iter().enumerate() {
        let path = path.index(at);
        let (type_, status, reason) = (text(condition, "type"), text(condition, "status"), text(condition, "reason"));
        if conditions[..at].iter().any(|other| text(other, "type") == type_) {
            errors.push(path.child("type").duplicate(type_.as_str()));
        }
        if type_.is_empty() {
            errors.push(path.child("type").required("must be set"));
        } else {
            errors.extend(texts(&path.child("type"), &type_, meta::label_key(&type_)));
        }
        if !matches!(status.as_str(), "True" | "False" | "Unknown") {
            errors.push(path.child("status").not_supported(status, &["False", "True", "Unknown"]));
        }
        errors.extend(non_negative(&path.child("observedGeneration"), condition.get("observedGeneration")));
        if text(condition, "lastTransitionTime").is_empty() {
            errors.push(path.child("lastTransitionTime").required(""));
        }
        let at = path.child("reason");
        if reason.is_empty() {
            errors.push(at.required(""));
        } else if !is_reason(&reason) {
            errors.push(at.invalid(reason.as_str(), BAD_REASON));
        }
        for (field, text, bytes_max) in
            [("reason", reason, REASON_BYTES_MAX), ("message", text(condition, "message"), MESSAGE_BYTES_MAX)]
        {
            if text.len() > bytes_max {
                errors.push(path.child(field).too_long(bytes_max));
            }
        }
    }
    errors
}

const REASON_BYTES_MAX: usize = 1024;
const MESSAGE_BYTES_MAX: usize = 32 * 1024;
const BAD_REASON: &str = "a condition reason must start with alphabetic character, optionally followed by a string of \
    alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or \
    'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is \
    '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";

/// Whether a text that is not empty may be the reason of a condition.
fn is_reason(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(is_word)
        && text.chars().all(|c| is_word(c) || c == ',' || c == ':')
}
