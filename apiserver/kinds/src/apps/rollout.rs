//! Rules of the strategies by which Deployments and DaemonSets replace their Pods.

use kubernel_meta::field::{Error, Path};
use serde_json::Value;

use crate::go_form;
use crate::tree::{set, text};

const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or \
                       '93%', regex used for validation is '[0-9]+%')";

/// What is wrong with a Deployment's strategy.
pub(crate) fn deployment_strategy(path: &Path, strategy: &Value) -> Vec<Error> {
    let at = path.child("rollingUpdate");
    let rolling = set(strategy, "rollingUpdate");
    match (text(strategy, "type"), rolling) {
        ("Recreate", None) => Vec::new(),
        ("Recreate", Some(_)) => {
            vec![at.forbidden("may not be specified when strategy `type` is 'Recreate'")]
        }
        ("RollingUpdate", None) => vec![at.required("this should be defaulted and never be nil")],
        ("RollingUpdate", Some(rolling)) => {
            let (unavailable, surge) = (rolling.get("maxUnavailable"), rolling.get("maxSurge"));
            let mut errors = int_or_percent(&at.child("maxUnavailable"), unavailable);
            errors.extend(int_or_percent(&at.child("maxSurge"), surge));
            if amount(unavailable) == 0 && amount(surge) == 0 {
                let value = unavailable.cloned().unwrap_or_default();
                errors.push(at.child("maxUnavailable").invalid(value, "may not be 0 when `maxSurge` is 0"));
            }
            errors.extend(at_most_all(&at.child("maxUnavailable"), unavailable));
            errors
        }
        _ => {
            let shown = go_form::compact("io.k8s.api.apps.v1.DeploymentStrategy", strategy);
            vec![path.not_supported(strategy.clone(), &["Recreate", "RollingUpdate"]).shown_as(shown)]
        }
    }
}

/// What is wrong with a DaemonSet's update strategy.
pub(crate) fn daemon_set_strategy(path: &Path, strategy: &Value) -> Vec<Error> {
    let at = path.child("rollingUpdate");
    match (text(strategy, "type"), set(strategy, "rollingUpdate")) {
        ("OnDelete", _) => Vec::new(),
        ("RollingUpdate", None) => vec![at.required("")],
        ("RollingUpdate", Some(rolling)) => {
            let (unavailable, surge) = (rolling.get("maxUnavailable"), rolling.get("maxSurge"));
            let (unavailable_at, surge_at) = (at.child("maxUnavailable"), at.child("maxSurge"));
            let mut errors = int_or_percent(&unavailable_at, unavailable);
            errors.extend(int_or_percent(&surge_at, surge));
            errors.extend(at_most_all(&unavailable_at, unavailable));
            errors.extend(at_most_all(&surge_at, surge));
            match (amount(unavailable) != 0, amount(surge) != 0) {
                (true, true) => {
                    let value = surge.cloned().unwrap_or_default();
                    errors.push(surge_at.invalid(value, "may not be set when maxUnavailable is non-zero"));
                }
                (false, false) => errors.push(unavailable_at.required("cannot be 0 when maxSurge is 0")),
                _ => {}
            }
            errors
        }
        _ => {
            let shown = go_form::compact("io.k8s.api.apps.v1.DaemonSetUpdateStrategy", strategy);
            vec![path.not_supported(strategy.clone(), &["RollingUpdate", "OnDelete"]).shown_as(shown)]
        }
    }
}

/// What is wrong with a number or percentage that must not be negative.
pub(crate) fn int_or_percent(path: &Path, value: Option<&Value>) -> Vec<Error> {
    match value {
        Some(Value::String(text)) if !is_percent(text) => vec![path.invalid(text.as_str(), PERCENT)],
        Some(Value::Number(number)) if number.as_i64().is_some_and(|n| n < 0) => {
            vec![path.invalid(number.clone(), "must be greater than or equal to 0")]
        }
        _ => Vec::new(),
    }
}

/// `must not be greater than 100%`.
pub(crate) fn at_most_all(path: &Path, value: Option<&Value>) -> Option<Error> {
    let text = value.and_then(Value::as_str).filter(|text| is_percent(text))?;
    (amount(value) > 100).then(|| path.invalid(text, "must not be greater than 100%"))
}

/// The number, or the number before the percent sign; 0 where it is neither.
fn amount(value: Option<&Value>) -> i64 {
    match value {
        Some(Value::Number(number)) => number.as_i64().unwrap_or_default(),
        Some(Value::String(text)) => text.strip_suffix('%').and_then(|n| n.parse().ok()).unwrap_or_default(),
        _ => 0,
    }
}

fn is_percent(text: &str) -> bool {
    text.strip_suffix('%').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
