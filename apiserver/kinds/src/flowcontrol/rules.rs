//! Rules of flow schemas and priority levels.

use kubernel_meta::field::{Error, Path, Reason};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use crate::tree::{int, items, set, text};
use crate::validate;

const PRECEDENCE_MAX: i64 = 10_000;
const QUEUES_MAX: i64 = 10_000_000;
/// The bits of a flow's hash from which its hand is dealt.
const ENTROPY_BITS_MAX: i64 = 60;
/// The schema and the level that let everything through.
const EXEMPT: &str = "exempt";
const VERBS: [&str; 9] = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

/// What is wrong with a FlowSchema.
pub(super) fn flow_schema(schema: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), schema.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    let precedence = int(spec, "matchingPrecedence");
    if precedence <= 0 {
        errors.push(path.child("matchingPrecedence").invalid(precedence, "must be a positive value"));
    }
    if precedence > PRECEDENCE_MAX {
        let message = format!("must not be greater than {PRECEDENCE_MAX}");
        errors.push(path.child("matchingPrecedence").invalid(precedence, message));
    }
    if precedence == 1 && schema.name() != EXEMPT {
        let message = "only the schema named 'exempt' may have matchingPrecedence 1";
        errors.push(path.child("matchingPrecedence").invalid(precedence, message));
    }
    if let Some(method) = set(spec, "distinguisherMethod") {
        let kind = text(method, "type");
        if !matches!(kind, "ByUser" | "ByNamespace") {
            let at = path.child("distinguisherMethod").child("type");
            let shown = format!("{{\"Type\":{}}}", Value::from(kind));
            errors.push(at.not_supported(method.clone(), &["ByNamespace", "ByUser"]).shown_as(shown));
        }
    }
    let at = path.child("priorityLevelConfiguration").child("name");
    match schema.str_at(&["spec", "priorityLevelConfiguration", "name"]) {
        "" => errors.push(at.required("must reference a priority level")),
        level => errors.extend(validate::texts(&at, level, meta::dns1123_subdomain(level))),
    }
    for (at, rule) in items(spec, "rules").iter().enumerate() {
        errors.extend(rule_errors(&path.child("rules").index(at), rule));
    }
    errors.extend(status(schema));
    errors
}

/// What is wrong with a status: each type of condition once, and each has one.
pub(super) fn status(object: &Object) -> Vec<Error> {
    let path = Path::root("status").child("conditions");
    let conditions = object.list_at(&["status", "conditions"]);
    let mut errors = Vec::new();
    for (at, condition) in conditions.iter().enumerate() {
        let (path, type_) = (path.index(at).child("type"), text(condition, "type"));
        if conditions[..at].iter().any(|other| text(other, "type") == type_) {
            errors.push(path.duplicate(type_));
        }
        if type_.is_empty() {
            errors.push(path.required("must not be empty"));
        }
    }
    errors
}

fn rule_errors(path: &Path, rule: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let subjects = items(rule, "subjects");
    if subjects.is_empty() {
        errors.push(path.child("subjects").required("subjects must contain at least one value"));
    }
    for (at, subject) in subjects.iter().enumerate() {
        errors.extend(subject_errors(&path.child("subjects").index(at), subject));
    }
    if items(rule, "resourceRules").is_empty() && items(rule, "nonResourceRules").is_empty() {
        errors.push(path.required("at least one of resourceRules and nonResourceRules has to be non-empty"));
    }
    for (at, rule) in items(rule, "resourceRules").iter().enumerate() {
        let path = path.child("resourceRules").index(at);
        errors.extend(verbs(&path.child("verbs"), items(rule, "verbs")));
        for (field, word) in [("apiGroups", "api group"), ("resources", "resource")] {
            let (at, names) = (path.child(field), items(rule, field));
            if names.is_empty() {
                errors.push(at.required(format!("resource rules must supply at least one {word}")));
            }
            errors.extend(crowded(&at, names, &format!("{word}s")));
        }
        errors.extend(namespaces(&path.child("namespaces"), rule));
    }
    for (at, rule) in items(rule, "nonResourceRules").iter().enumerate() {
        let path = path.child("nonResourceRules").index(at);
        errors.extend(verbs(&path.child("verbs"), items(rule, "verbs")));
        let (at, urls) = (path.child("nonResourceURLs"), items(rule, "nonResourceURLs"));
        if urls.is_empty() {
            errors.push(at.required("nonResourceURLs must contain at least one value"));
        } else if has_star(urls) {
            errors.extend(crowded(&at, urls, "non-resource URLs"));
        } else {
            let urls = urls.iter().filter_map(Value::as_str).enumerate();
            errors.extend(urls.filter_map(|(index, url)| url_error(&at.index(index), url)));
        }
    }
    errors
}

fn namespaces(path: &Path, rule: &Value) -> Vec<Error> {
    let names = items(rule, "namespaces");
    if names.is_empty() && rule.get("clusterScope") != Some(&Value::Bool(true)) {
        let message = "resource rules that are not cluster scoped must supply at least one namespace";
        return vec![path.required(message)];
    }
    if has_star(names) {
        return crowded(path, names, "namespaces").into_iter().collect();
    }
    let wrong = names.iter().filter_map(Value::as_str).enumerate().flat_map(|(at, name)| {
        let texts = meta::dns1123_label(name).into_iter();
        let texts = texts.map(|text| format!("each member of this list must be '*' or a DNS-1123 label; {text}"));
        validate::texts(&path.index(at), name, texts.collect())
    });
    wrong.collect()
}

fn has_star(names: &[Value]) -> bool {
    names.iter().any(|name| name == "*")
}

/// A star says all, so that nothing may stand beside it.
fn crowded(path: &Path, names: &[Value], others: &str) -> Option<Error> {
    let message = || format!("if '*' is present, must not specify other {others}");
    (names.len() > 1 && has_star(names)).then(|| path.invalid(names.to_vec(), message()))
}

fn url_error(path: &Path, url: &str) -> Option<Error> {
    let stars = url.matches('*').count();
    let detail = match url {
        "" => "must not be empty",
        "/" => return None,
        _ if !url.starts_with('/') => "must start with slash",
        _ if url.contains(' ') => "must not contain white-space",
        _ if url.contains("//") => "must not contain double slash",
        _ if stars > 1 || stars == 1 && !url.ends_with("/*") => "wildcard can only do suffix matching",
        _ => return None,
    };
    Some(path.invalid(url, detail))
}

fn verbs(path: &Path, verbs: &[Value]) -> Vec<Error> {
    let shown = || Value::Array(verbs.to_vec());
    let names: Vec<&str> = verbs.iter().filter_map(Value::as_str).collect();
    if names.is_empty() {
        return vec![path.required("verbs must contain at least one value")];
    }
    if has_star(verbs) {
        return crowded(path, verbs, "verbs").into_iter().collect();
    }
    let unknown = names.iter().any(|verb| !VERBS.contains(verb));
    let error = || {
        let mut error = path.not_supported("", &VERBS);
        error.value = shown();
        error
    };
    if unknown { vec![error()] } else { Vec::new() }
}

fn subject_errors(path: &Path, subject: &Value) -> Vec<Error> {
    const PARTS: [(&str, &str); 3] = [("User", "user"), ("Group", "group"), ("ServiceAccount", "serviceAccount")];
    let kind = text(subject, "kind");
    if !PARTS.iter().any(|(known, _)| *known == kind) {
        return vec![path.child("kind").not_supported(kind, &["Group", "ServiceAccount", "User"])];
    }
    let mut errors = Vec::new();
    for (owner, field) in PARTS {
        let (at, part) = (path.child(field), set(subject, field));
        match part {
            None if owner == kind => {
                errors.push(at.required(format!("{field} is required when subject kind is '{owner}'")));
            }
            Some(_) if owner != kind => {
                errors.push(at.forbidden(format!("{field} is forbidden when subject kind is not '{owner}'")));
            }
            Some(part) => {
                let name = text(part, "name");
                if name.is_empty() {
                    errors.push(at.child("name").required(""));
                }
                if field != "serviceAccount" {
                    continue;
                }
                if !matches!(name, "" | "*") {
                    errors.extend(validate::texts(&at.child("name"), name, meta::dns1123_subdomain(name)));
                }
                let at = at.child("namespace");
                match text(part, "namespace") {
                    "" => errors.push(at.required("must specify namespace for service account")),
                    name => errors.extend(validate::texts(&at, name, meta::dns1123_label(name))),
                }
            }
            None => {}
        }
    }
    errors
}

/// What is wrong with a PriorityLevelConfiguration.
pub(super) fn priority_level(level: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), level.at(&["spec"]).unwrap_or(&Value::Null));
    let (kind, limited, exempt) = (text(spec, "type"), set(spec, "limited"), set(spec, "exempt"));
    let mut errors = Vec::new();
    if (level.name() == EXEMPT) != (kind == "Exempt") {
        errors.push(path.child("type").invalid(kind, "type must be 'Exempt' if and only if name is 'exempt'"));
    }
    match kind {
        "Exempt" => {
            if limited.is_some() {
                errors.push(path.child("limited").forbidden("must be nil if the type is not Limited"));
            }
            match exempt {
                None => errors.push(path.child("exempt").required("must not be empty when type is Exempt")),
                Some(exempt) => errors.extend(shares(&path.child("exempt"), exempt)),
            }
        }
        "Limited" => {
            if exempt.is_some() {
                errors.push(path.child("exempt").forbidden("must be nil if the type is Limited"));
            }
            match limited {
                None => errors.push(path.child("limited").required("must not be empty when type is Limited")),
                Some(limited) => errors.extend(limited_errors(&path.child("limited"), limited)),
            }
        }
        other => errors.push(path.child("type").not_supported(other, &["Exempt", "Limited"])),
    }
    errors.extend(status(level));
    errors
}

/// The shares of a level, and how much of them it lends.
fn shares(path: &Path, part: &Value) -> Vec<Error> {
    share_count(path, part).into_iter().chain(lent(path, part)).collect()
}

fn share_count(path: &Path, part: &Value) -> Option<Error> {
    let count = int(part, "nominalConcurrencyShares");
    (count < 0).then(|| path.child("nominalConcurrencyShares").invalid(count, "must be a non-negative integer"))
}

fn lent(path: &Path, part: &Value) -> Option<Error> {
    let percent = int(part, "lendablePercent");
    let message = "must be between 0 and 100, inclusive";
    (!(0..=100).contains(&percent)).then(|| path.child("lendablePercent").invalid(percent, message))
}

fn limited_errors(path: &Path, limited: &Value) -> Vec<Error> {
    let mut errors: Vec<Error> = share_count(path, limited).into_iter().collect();
    let response = limited.get("limitResponse").unwrap_or(&Value::Null);
    let (at, queuing) = (path.child("limitResponse"), set(response, "queuing"));
    match (text(response, "type"), queuing) {
        ("Reject", None) => {}
        ("Reject", Some(_)) => {
            let message = "must be nil if limited.limitResponse.type is not Limited";
            errors.push(at.child("queuing").forbidden(message));
        }
        ("Queue", None) => {
            let message = "must not be empty if limited.limitResponse.type is Limited";
            errors.push(at.child("queuing").required(message));
        }
        ("Queue", Some(queuing)) => errors.extend(queuing_errors(&at.child("queuing"), queuing)),
        (other, _) => {
            let at = at.child("type");
            errors.push(at.error(Reason::NotSupported, other, "supported values: \"Queue\", \"Reject\""));
        }
    }
    errors.extend(lent(path, limited));
    if let Some(percent) = limited.get("borrowingLimitPercent").and_then(Value::as_i64)
        && percent < 0
    {
        let message = "if specified, must be a non-negative integer";
        errors.push(path.child("borrowingLimitPercent").invalid(percent, message));
    }
    errors
}

/// What is wrong with the queues of a level and with the hands that are dealt from them.
fn queuing_errors(path: &Path, queuing: &Value) -> Vec<Error> {
    let number = |field: &str| (path.child(field), int(queuing, field));
    let ((at, length), mut errors) = (number("queueLengthLimit"), Vec::new());
    if length <= 0 {
        errors.push(at.invalid(length, "must be positive"));
    }
    let (at, queues) = number("queues");
    if queues <= 0 {
        errors.push(at.invalid(queues, "must be positive"));
    } else if queues > QUEUES_MAX {
        errors.push(at.invalid(queues, format!("must not be greater than {QUEUES_MAX}")));
    }
    let (at, hand) = number("handSize");
    let entropy_bits = || ((queues as f64).log2() * hand as f64).ceil() as i64;
    if hand <= 0 {
        errors.push(at.invalid(hand, "must be positive"));
    } else if hand > queues {
        errors.push(at.invalid(hand, format!("should not be greater than queues ({queues})")));
    } else if entropy_bits() > ENTROPY_BITS_MAX {
        let message = format!(
            "required entropy bits of deckSize {queues} and handSize {hand} should not be greater than \
             {ENTROPY_BITS_MAX}"
        );
        errors.push(at.invalid(hand, message));
    }
    errors
}
