//! `batch/v1` Job.

use super::{job_rules, job_status};
use jiff::Timestamp;
use kubernel_meta::{Object, field, time};
use serde_json::{Map, Value, json};

use crate::apps::workload;
use crate::core::pod::{spec_defaults, warnings as pod_warnings};
use crate::descriptor::kind;
use crate::tree::{condition_is_true, default_text, default_to, map_in, maps_in};
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of Job.
    pub static KIND = "batch", "v1", "Job";
    names: "jobs", "job", short [], categories ["all"];
    definition: "io.k8s.api.batch.v1.Job";
    namespaced: true, source: Store, hash: "mudhfqk/qZY=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Status" string, "Completions" string, "Duration" string, "Age" string,
        "Containers" string wide, "Images" string wide, "Selector" string wide,
    ];
    strategy: JobStrategy;
}

/// What only Jobs know.
#[derive(Debug)]
pub struct JobStrategy;

impl Strategy for JobStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let spec = object.map_at_mut(&["spec"]);
        job_spec_defaults(spec);
        spec_defaults::pod_template(spec.entry("template").or_insert_with(|| json!({})));
        labels_from_template(object);
    }

    fn counts_generation(&self) -> bool {
        true
    }

    /// Unless its author chose a selector, the Job finds its Pods by its own uid.
    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        workload::prepare_create(kind, object, &workload::TEMPLATE);
        if object.at(&["spec", "manualSelector"]) != Some(&Value::Bool(true)) {
            generate_selector(object);
        }
        labels_from_template(object);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        workload::prepare_update(kind, new, old, &workload::TEMPLATE);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        job_rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        job_rules::update(new, old)
    }

    fn validate_subresource_update(
        &self,
        _: &Kind,
        _subresource: &str,
        new: &Object,
        old: &Object,
    ) -> Vec<field::Error> {
        job_status::update(new, old)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        let mut warnings = workload::name_warnings(object, old);
        warnings.extend(job_rules::size_warning(&["spec"], object, old));
        warnings.extend(pod_warnings::of_template(&["spec", "template"], object, old));
        warnings
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let (names, images) = print::containers_and_images(object.at(&["spec", "template", "spec"]));
        vec![
            json!(object.name()),
            json!(status(object)),
            json!(completions(object)),
            json!(duration(object, now)),
            json!(print::age(object, now)),
            json!(names),
            json!(images),
            json!(print::selector(object.at(&["spec", "selector"]))),
        ]
    }

    fn unknown_field(&self, field: &str) -> String {
        format!("field label {field:?} not supported for Job")
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["status.successful"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        vec![object.int_at(&["status", "succeeded"]).unwrap_or_default().to_string()]
    }
}

/// The label that ties Pods to their Job.
const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";

fn job_spec_defaults(spec: &mut Map<String, Value>) {
    let missing = |spec: &Map<String, Value>, key: &str| spec.get(key).is_none_or(Value::is_null);
    if missing(spec, "completions") && missing(spec, "parallelism") {
        default_to(spec, "completions", 1);
    }
    default_to(spec, "parallelism", 1);
    let backoff_limit = if missing(spec, "backoffLimitPerIndex") { 6 } else { i32::MAX };
    default_to(spec, "backoffLimit", backoff_limit);
    default_to(spec, "completionMode", "NonIndexed");
    default_to(spec, "suspend", false);
    default_to(spec, "manualSelector", false);
    let replacement = if missing(spec, "podFailurePolicy") { "TerminatingOrFailed" } else { "Failed" };
    default_to(spec, "podReplacementPolicy", replacement);
    if let Some(policy) = map_in(spec, "podFailurePolicy") {
        for condition in maps_in(policy, "rules").flat_map(|rule| maps_in(rule, "onPodConditions")) {
            default_text(condition, "status", "True");
        }
    }
}

fn labels_from_template(object: &mut Object) {
    if object.labels().next().is_none()
        && let Some(labels) = object.at(&["spec", "template", "metadata", "labels"]).cloned()
    {
        object.set(&["metadata", "labels"], labels);
    }
}

fn generate_selector(object: &mut Object) {
    let (uid, name) = (object.uid().to_owned(), object.name().to_owned());
    let labels = object.map_at_mut(&["spec", "template", "metadata", "labels"]);
    for (key, value) in
        [("controller-uid", &uid), ("job-name", &name), (CONTROLLER_UID, &uid), ("batch.kubernetes.io/job-name", &name)]
    {
        labels.entry(key).or_insert_with(|| json!(value));
    }
    object.map_at_mut(&["spec", "selector", "matchLabels"]).entry(CONTROLLER_UID).or_insert_with(|| json!(uid));
}

fn status(job: &Object) -> &'static str {
    let conditions = job.list_at(&["status", "conditions"]);
    let is = |type_: &str| condition_is_true(conditions, type_);
    if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if job.deletion_timestamp().is_some() {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else if is("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn completions(job: &Object) -> String {
    let succeeded = job.int_at(&["status", "succeeded"]).unwrap_or_default();
    match (job.int_at(&["spec", "completions"]), job.int_at(&["spec", "parallelism"]).unwrap_or_default()) {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, parallelism) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    }
}

fn duration(job: &Object, now: Timestamp) -> String {
    let stamp = |field: &str| time::parse(job.str_at(&["status", field])).ok();
    match (stamp("startTime"), stamp("completionTime")) {
        (None, _) => String::new(),
        (Some(start), end) => time::human_duration(end.unwrap_or(now).as_second() - start.as_second()),
    }
}
