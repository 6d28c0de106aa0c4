//! Rules of CronJobs.

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path, Reason};
use serde_json::Value;

use super::{job_rules, schedule};
use crate::tree::{set, text};
use crate::validate;

/// A Job's name is the CronJob's and eleven characters more, and must fit a label.
pub(super) const NAME_LENGTH_MAX: usize = 52;

/// The beginnings of names of time zones.
const AREAS: [&str; 18] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Brazil",
    "Canada",
    "Chile",
    "Etc",
    "Europe",
    "Indian",
    "Mexico",
    "Pacific",
    "US",
    "SystemV",
    "posix",
];
/// Names of time zones without an area.
const ZONES: [&str; 15] = [
    "UTC",
    "GMT",
    "EST",
    "MST",
    "HST",
    "CET",
    "EET",
    "MET",
    "WET",
    "Zulu",
    "Japan",
    "Israel",
    "Turkey",
    "Singapore",
    "Hongkong",
];

/// What is wrong with a CronJob.
pub(super) fn create(object: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    let (at, plan) = (path.child("schedule"), text(spec, "schedule"));
    if plan.is_empty() {
        errors.push(at.required(""));
    } else {
        if let Some(message) = schedule::error(plan) {
            errors.push(at.invalid(plan, message));
        }
        if plan.contains("TZ") {
            errors.push(at.invalid(plan, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"));
        }
    }
    errors.extend(validate::non_negative(&path.child("startingDeadlineSeconds"), spec.get("startingDeadlineSeconds")));
    if let Some(zone) = set(spec, "timeZone").and_then(Value::as_str) {
        errors.extend(time_zone(&path.child("timeZone"), zone));
    }
    match text(spec, "concurrencyPolicy") {
        "" => errors.push(path.child("concurrencyPolicy").required("")),
        "Allow" | "Forbid" | "Replace" => {}
        other => errors.push(path.child("concurrencyPolicy").not_supported(other, &["Allow", "Forbid", "Replace"])),
    }
    let (at, job) = (path.child("jobTemplate"), spec.get("jobTemplate").unwrap_or(&Value::Null));
    errors.extend(validate::labels_and_annotations(&at, job.get("metadata").unwrap_or(&Value::Null)));
    let job_spec = job.get("spec").unwrap_or(&Value::Null);
    if job_spec.get("manualSelector") == Some(&Value::Bool(true)) {
        let at = at.child("spec").child("manualSelector");
        errors.push(at.error(Reason::NotSupported, true, "supported values: \"nil\", \"false\""));
    }
    errors.extend(job_rules::spec(&at.child("spec"), job_spec));
    for field in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        errors.extend(validate::non_negative(&path.child(field), spec.get(field)));
    }
    errors
}

/// Whether there is such a zone needs a database; names that cannot be one are told from their form.
fn time_zone(path: &Path, zone: &str) -> Option<Error> {
    if zone.is_empty() {
        return Some(path.invalid(zone, "timeZone must be nil or non-empty string"));
    }
    if zone.eq_ignore_ascii_case("local") {
        return Some(
            path.invalid(zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"),
        );
    }
    let known = match zone.split_once('/') {
        Some((area, place)) => AREAS.contains(&area) && !place.is_empty() && !place.contains(".."),
        None => {
            ZONES.contains(&zone) || (zone.len() > 2 && zone.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        }
    };
    (!known).then(|| path.invalid(zone, format!("unknown time zone {zone}")))
}
