//! `batch/v1` CronJob.

use super::{cron_job_rules, job_rules};
use jiff::Timestamp;
use kubernel_meta::{Object, field, time};
use serde_json::{Value, json};

use crate::apps::workload;
use crate::core::pod::{spec_defaults, warnings as pod_warnings};
use crate::descriptor::kind;
use crate::tree::{default_text, default_to, map_in};
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of CronJob.
    pub static KIND = "batch", "v1", "CronJob";
    names: "cronjobs", "cronjob", short ["cj"], categories ["all"];
    definition: "io.k8s.api.batch.v1.CronJob";
    namespaced: true, source: Store, hash: "sd5LIXh4Fjs=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Schedule" string, "Timezone" string, "Suspend" boolean, "Active" integer,
        "Last Schedule" string, "Age" string, "Containers" string wide, "Images" string wide,
        "Selector" string wide,
    ];
    strategy: CronJobStrategy;
}

/// What only CronJobs know.
#[derive(Debug)]
pub struct CronJobStrategy;

const TEMPLATE: [&str; 4] = ["spec", "jobTemplate", "spec", "template"];

impl Strategy for CronJobStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let spec = object.map_at_mut(&["spec"]);
        default_text(spec, "concurrencyPolicy", "Allow");
        default_to(spec, "suspend", false);
        default_to(spec, "successfulJobsHistoryLimit", 3);
        default_to(spec, "failedJobsHistoryLimit", 1);
        default_to(spec, "jobTemplate", json!({}));
        if let Some(job) = map_in(spec, "jobTemplate") {
            default_to(job, "spec", json!({}));
            if let Some(job) = map_in(job, "spec") {
                spec_defaults::pod_template(job.entry("template").or_insert_with(|| json!({})));
            }
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        workload::prepare_create(kind, object, &TEMPLATE);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        workload::prepare_update(kind, new, old, &TEMPLATE);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let mut errors = cron_job_rules::check(object, None);
        errors.extend(cron_job_rules::name(object));
        errors
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        cron_job_rules::check(new, Some(old))
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        let mut warnings = workload::name_warnings(object, old);
        warnings.extend(job_rules::size_warning(&["spec", "jobTemplate", "spec"], object, old));
        warnings.extend(pod_warnings::of_template(&TEMPLATE, object, old));
        if old.is_some() && object.str_at(&["spec", "schedule"]).contains("TZ") {
            // Upstream names the field so.
            warnings.push(
                "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see \
                 https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
                    .to_owned(),
            );
        }
        warnings
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let spec = |field: &str| object.str_at(&["spec", field]);
        let job = ["spec", "jobTemplate", "spec"];
        let (names, images) = print::containers_and_images(object.at(&[&job[..], &["template", "spec"]].concat()));
        let last = object.str_at(&["status", "lastScheduleTime"]);
        let suspended = object.at(&["spec", "suspend"]).and_then(Value::as_bool).unwrap_or_default();
        vec![
            json!(object.name()),
            json!(spec("schedule")),
            json!(if spec("timeZone").is_empty() { "<none>" } else { spec("timeZone") }),
            json!(if suspended { "True" } else { "False" }),
            json!(object.list_at(&["status", "active"]).len()),
            json!(if last.is_empty() { "<none>".to_owned() } else { time::age(last, now) }),
            json!(print::age(object, now)),
            json!(names),
            json!(images),
            json!(print::selector(object.at(&[&job[..], &["selector"]].concat()))),
        ]
    }
}
