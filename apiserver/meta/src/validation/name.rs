//! Names and keys: each function returns what is wrong, in upstream's words; nothing wrong is an empty list.

use super::text::{alphanumeric, label_inner, lower, lower_or_digit, name_inner, spelled};

const DNS_LABEL_LENGTH_MAX: usize = 63;
const DNS_SUBDOMAIN_LENGTH_MAX: usize = 253;
const LABEL_LENGTH_MAX: usize = 63;
const PORT_NAME_LENGTH_MAX: usize = 15;

const DNS1123_LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS1123_SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const LABEL_KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_KEY_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
                              an alphanumeric character";

/// `a-b`: lower case letters, digits and `-`, at most 63.
pub fn dns1123_label(value: &str) -> Vec<String> {
    let mut errors = too_long(value, DNS_LABEL_LENGTH_MAX);
    if !spelled(value, lower_or_digit, label_inner, lower_or_digit) {
        if is_subdomain(value) {
            errors.push("must not contain dots".to_owned());
        } else {
            let rule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
                        must start and end with an alphanumeric character";
            errors.push(pattern(rule, DNS1123_LABEL, &["my-name", "123-abc"]));
        }
    }
    errors
}

/// `a-b.c`: DNS labels joined by dots, at most 253.
pub fn dns1123_subdomain(value: &str) -> Vec<String> {
    let mut errors = too_long(value, DNS_SUBDOMAIN_LENGTH_MAX);
    if !is_subdomain(value) {
        errors.push(subdomain_pattern());
    }
    errors
}

/// `*.a.b`.
pub fn wildcard_dns1123_subdomain(value: &str) -> Vec<String> {
    let mut errors = too_long(value, DNS_SUBDOMAIN_LENGTH_MAX);
    if !value.strip_prefix("*.").is_some_and(is_subdomain) {
        let rule = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
                    consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
        errors.push(pattern(rule, &format!("\\*\\.{DNS1123_SUBDOMAIN}"), &["*.example.com"]));
    }
    errors
}

/// `a-b` that begins with a letter, at most 63: names of Services.
pub fn dns1035_label(value: &str) -> Vec<String> {
    let mut errors = too_long(value, DNS_LABEL_LENGTH_MAX);
    if !spelled(value, lower, label_inner, lower_or_digit) {
        let rule = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
                    alphabetic character, and end with an alphanumeric character";
        errors.push(pattern(rule, "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"]));
    }
    errors
}

/// A qualified name, `example.com/my-key` or `my-key`: label and annotation keys, finalizers, resource names.
pub fn label_key(value: &str) -> Vec<String> {
    let examples = ["MyName", "my.name", "123-abc"];
    let mut errors = Vec::new();
    let parts: Vec<&str> = value.split('/').collect();
    let name = match parts.as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                if prefix.len() > DNS_SUBDOMAIN_LENGTH_MAX {
                    errors.push(format!("prefix part must be no more than {DNS_SUBDOMAIN_LENGTH_MAX} bytes"));
                }
                if !is_subdomain(prefix) {
                    errors.push(format!("prefix part {}", subdomain_pattern()));
                }
            }
            *name
        }
        _ => {
            let rule = pattern(&format!("a valid label key {LABEL_KEY_RULE}"), LABEL_KEY, &examples);
            return vec![format!("{rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_LENGTH_MAX {
        errors.push(format!("name part must be no more than {LABEL_LENGTH_MAX} bytes"));
    }
    if !spelled(name, alphanumeric, name_inner, alphanumeric) {
        errors.push(pattern(&format!("name part {LABEL_KEY_RULE}"), LABEL_KEY, &examples));
    }
    errors
}

/// The value of a label: empty, or letters, digits, `-`, `_`, `.`, at most 63.
pub fn label_value(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > LABEL_LENGTH_MAX {
        errors.push(format!("must be no more than {LABEL_LENGTH_MAX} bytes"));
    }
    if !value.is_empty() && !spelled(value, alphanumeric, name_inner, alphanumeric) {
        let rule = format!("a valid label must be an empty string or {}", LABEL_KEY_RULE.replacen("must ", "", 1));
        errors.push(pattern(&rule, &format!("({LABEL_KEY})?"), &["MyValue", "my_value", "12345"]));
    }
    errors
}

/// An identifier of C.
pub fn c_identifier(value: &str) -> Vec<String> {
    let head = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if spelled(value, head, inner, inner) {
        return Vec::new();
    }
    let rule = "a valid C identifier must start with alphabetic character or '_', followed by a string of \
                alphanumeric characters or '_'";
    vec![pattern(rule, "[A-Za-z_][A-Za-z0-9_]*", &["my_name", "MY_NAME", "MyName"])]
}

/// The name of an environment variable, the strict rule.
pub fn env_var_name(value: &str) -> Vec<String> {
    let head = |byte: u8| name_inner(byte) && !byte.is_ascii_digit();
    let mut errors = Vec::new();
    if !spelled(value, head, name_inner, name_inner) {
        let rule = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or \
                    '.', and must not start with a digit";
        let examples = ["my.env-name", "MY_ENV.NAME", "MyEnvName1"];
        errors.push(pattern(rule, "[-._a-zA-Z][-._a-zA-Z0-9]*", &examples));
    }
    errors.extend(parent_folder(value));
    errors
}

/// The name of an environment variable: any printable ASCII but `=` (the rule since v1.34).
pub fn relaxed_env_var_name(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.is_empty() {
        errors.push("environment variable name must be non-empty".to_owned());
    }
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=') {
        let rule = "a valid environment variable name must consist only of printable ASCII characters other than '='";
        errors.push(rule.to_owned());
    }
    errors
}

/// A key of a ConfigMap or Secret.
pub fn config_map_key(value: &str) -> Vec<String> {
    let mut errors = too_long(value, DNS_SUBDOMAIN_LENGTH_MAX);
    if !spelled(value, name_inner, name_inner, name_inner) {
        let rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        errors.push(pattern(rule, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]));
    }
    errors.extend(parent_folder(value));
    errors
}

/// The name of an HTTP header.
pub fn http_header_name(value: &str) -> Vec<String> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if spelled(value, inner, inner, inner) {
        return Vec::new();
    }
    let rule = "a valid HTTP header must consist of alphanumeric characters or '-'";
    vec![pattern(rule, "[-A-Za-z0-9]+", &["X-Header-Name"])]
}

/// The name of a port (RFC 6335).
pub fn port_name(value: &str) -> Vec<String> {
    let mut errors = too_long(value, PORT_NAME_LENGTH_MAX);
    let mut unless = |holds: bool, message: &str| {
        if !holds {
            errors.push(message.to_owned());
        }
    };
    unless(
        spelled(value, label_inner, label_inner, label_inner),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    unless(value.bytes().any(lower), "must contain at least one letter (a-z)");
    unless(!value.contains("--"), "must not contain consecutive hyphens");
    unless(!value.starts_with('-') && !value.ends_with('-'), "must not begin or end with a hyphen");
    errors
}

/// A port's number, 1 to 65535.
pub fn port_number(port: i64) -> Vec<String> {
    in_range(port, 1, 65535)
}

/// A number within bounds, both included.
pub fn in_range(value: i64, min: i64, max: i64) -> Vec<String> {
    if (min..=max).contains(&value) {
        return Vec::new();
    }
    vec![format!("must be between {min} and {max}, inclusive")]
}

/// A name that can be one segment of a path: names of RBAC objects.
pub fn path_segment_name(name: &str) -> Vec<String> {
    match name {
        "." => vec!["may not be '.'".to_owned()],
        ".." => vec!["may not be '..'".to_owned()],
        _ => path_segment_prefix(name),
    }
}

/// The beginning of a name that can be one segment of a path (`generateName`).
pub fn path_segment_prefix(prefix: &str) -> Vec<String> {
    let forbidden = ['/', '%'].into_iter().filter(|c| prefix.contains(*c));
    forbidden.map(|c| format!("may not contain '{c}'")).collect()
}

/// `must be no more than N characters`.
pub fn max_length_error(length_max: usize) -> String {
    format!("must be no more than {length_max} characters")
}

fn too_long(value: &str, length_max: usize) -> Vec<String> {
    if value.len() > length_max { vec![max_length_error(length_max)] } else { Vec::new() }
}

fn parent_folder(value: &str) -> Option<String> {
    match value {
        "." => Some("must not be '.'".to_owned()),
        ".." => Some("must not be '..'".to_owned()),
        _ if value.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => None,
    }
}

fn is_subdomain(value: &str) -> bool {
    value.split('.').all(|label| spelled(label, lower_or_digit, label_inner, lower_or_digit))
}

fn subdomain_pattern() -> String {
    let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                must start and end with an alphanumeric character";
    pattern(rule, DNS1123_SUBDOMAIN, &["example.com"])
}

/// A rule with examples and the regular expression that says the same (validation.RegexError).
fn pattern(rule: &str, expression: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{rule} (e.g. {}regex used for validation is '{expression}')", examples.join(" or "))
}
