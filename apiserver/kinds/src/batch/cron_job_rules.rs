//! Rules of CronJobs.

use jiff::tz::TimeZoneDatabase;
use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path, Reason};
use serde_json::Value;

use super::{job_rules, schedule};
use crate::go_form;
use crate::tree::{set, text};
use crate::validate;

/// A Job's name is the CronJob's and eleven characters more, and must fit a label.
const NAME_LENGTH_MAX: usize = 52;

/// The most characters between two slashes of a time zone's name.
const ZONE_PART_LENGTH_MAX: usize = 14;

/// What is wrong with a CronJob that becomes of an old one, if it is not new.
pub(super) fn check(object: &Object, old: Option<&Object>) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    let (at, plan) = (path.child("schedule"), text(spec, "schedule"));
    if plan.is_empty() {
        errors.push(at.required(""));
    } else {
        errors.extend(schedule::error(plan).map(|message| at.invalid(plan, message)));
        let zoned_before = old.is_some_and(|old| old.str_at(&["spec", "schedule"]).contains("TZ"));
        match (plan.contains("TZ"), zoned_before) {
            (true, true) if set(spec, "timeZone").is_some() => {
                errors.push(at.invalid(plan, "cannot use both timeZone field and TZ or CRON_TZ in schedule"));
            }
            (true, false) => {
                errors.push(at.invalid(plan, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"));
            }
            _ => {}
        }
    }
    errors.extend(validate::non_negative(&path.child("startingDeadlineSeconds"), spec.get("startingDeadlineSeconds")));
    let zone = set(spec, "timeZone").and_then(Value::as_str);
    if let Some(zone) = zone.filter(|zone| old.is_none_or(|old| old.str_at(&["spec", "timeZone"]) != *zone)) {
        errors.extend(time_zone(&path.child("timeZone"), zone));
    }
    match text(spec, "concurrencyPolicy") {
        "" => errors.push(path.child("concurrencyPolicy").required("")),
        "Allow" | "Forbid" | "Replace" => {}
        other => errors.push(path.child("concurrencyPolicy").not_supported(other, &["Allow", "Forbid", "Replace"])),
    }
    let at = path.child("jobTemplate").child("spec");
    let job = spec.pointer("/jobTemplate/spec").unwrap_or(&Value::Null);
    errors.extend(job_rules::spec(&at, job));
    if let Some(selector) = set(job, "selector") {
        let detail = "`selector` will be auto-generated";
        errors.push(go_form::invalid(&at.child("selector"), go_form::LABEL_SELECTOR, selector, detail));
    }
    if job.get("manualSelector") == Some(&Value::Bool(true)) {
        let at = at.child("manualSelector");
        errors.push(at.error(Reason::NotSupported, true, "supported values: \"nil\", \"false\""));
    }
    for field in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        errors.extend(validate::non_negative(&path.child(field), spec.get(field)));
    }
    errors
}

/// Names of Jobs add eleven characters, and those are labels of Pods; old CronJobs may have longer names.
pub(super) fn name(object: &Object) -> Option<Error> {
    let message = format!("must be no more than {NAME_LENGTH_MAX} characters");
    let long = object.name().len() > NAME_LENGTH_MAX;
    long.then(|| Path::root("metadata").child("name").invalid(object.name(), message))
}

/// What is wrong with a time zone's name: it must be in the IANA database, which is part of the binary.
fn time_zone(path: &Path, zone: &str) -> Vec<Error> {
    if zone.is_empty() {
        return vec![path.invalid(zone, "timeZone must be nil or non-empty string")];
    }
    let unknown = || path.invalid(zone, format!("unknown time zone {zone}"));
    let is_part = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
        (1..=ZONE_PART_LENGTH_MAX).contains(&part.len())
            && !matches!(part, "." | "..")
            && !part.starts_with('-')
            && part.chars().all(plain)
    };
    if !zone.split('/').all(is_part) {
        return vec![unknown()];
    }
    let mut errors = Vec::new();
    if zone.eq_ignore_ascii_case("local") {
        let detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        errors.push(path.invalid(zone, detail));
    }
    // The database finds names in any case; Go, whose database is files, finds them as they are written.
    let known =
        zone == "UTC" || TimeZoneDatabase::bundled().get(zone).is_ok_and(|found| found.iana_name() == Some(zone));
    if !known && zone != "Local" {
        errors.push(unknown());
    }
    errors
}
