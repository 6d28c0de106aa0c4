//! `coordination.k8s.io/v1beta1` LeaseCandidate (KEP-4355): a process that would take over a Lease.

use jiff::Timestamp;
use kubernel_meta::{Object, field, validation};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print, validate};

const OLDEST_EMULATION_VERSION: &str = "OldestEmulationVersion";

kind! {
    /// The descriptor of LeaseCandidate.
    pub static KIND = "coordination.k8s.io", "v1beta1", "LeaseCandidate";
    names: "leasecandidates", "leasecandidate", short [], categories [];
    definition: "io.k8s.api.coordination.v1beta1.LeaseCandidate";
    namespaced: true, source: Store, hash: "lvME0iHWE20=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "LeaseName" string, "BinaryVersion" string, "EmulationVersion" string, "Age" string,
    ];
    strategy: LeaseCandidateStrategy;
}

/// What only LeaseCandidates know.
#[derive(Debug)]
pub struct LeaseCandidateStrategy;

impl Strategy for LeaseCandidateStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let text = |field: &str| object.str_at(&["spec", field]);
        let path = |field: &str| field::Path::root("spec").child(field);
        let (emulation, binary) = (text("emulationVersion"), text("binaryVersion"));
        let mut errors = Vec::new();
        if text("leaseName").is_empty() {
            errors.push(path("leaseName").required(""));
        }
        let emulated = version(emulation);
        if !emulation.is_empty() && emulated.is_none() {
            errors.push(path("emulationVersion").invalid(emulation, "must be a valid semantic version"));
        }
        let built = version(binary);
        if binary.is_empty() {
            errors.push(path("binaryVersion").required(""));
        } else if built.is_none() {
            errors.push(path("binaryVersion").invalid(binary, "must be a valid semantic version"));
        }
        if !binary.is_empty() && !emulation.is_empty() && built < emulated {
            errors.push(path("binaryVersion").invalid(binary, "must be greater than or equal to `emulationVersion`"));
        }
        match text("strategy") {
            "" => errors.push(path("strategy").required("")),
            strategy => {
                if strategy == OLDEST_EMULATION_VERSION && emulated.unwrap_or_default() == [0; 3] {
                    let detail = "must be specified when `strategy` is 'OldestEmulationVersion'";
                    errors.push(path("emulationVersion").required(detail));
                }
                errors.extend(coordinated(&path("strategy"), strategy));
            }
        }
        errors
    }

    fn validate_update(&self, kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let at = ["spec", "leaseName"];
        let path = field::Path::root("spec").child("leaseName");
        self.validate(kind, new).into_iter().chain(validate::immutable(&path, new.at(&at), old.at(&at))).collect()
    }

    fn validate_name(&self, name: &str, _prefix: bool) -> Vec<String> {
        validation::config_map_key(name)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let text = |field: &str| json!(object.str_at(&["spec", field]));
        let age = json!(print::age(object, now));
        vec![json!(object.name()), text("leaseName"), text("binaryVersion"), text("emulationVersion"), age]
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }
}

/// What is wrong with a strategy: Kubernetes' own have a plain name, others a qualified one. (Upstream names the field
/// twice in the error about a plain name.)
pub(super) fn coordinated(path: &field::Path, strategy: &str) -> Vec<field::Error> {
    if strategy.contains('/') {
        return validate::texts(path, strategy, validation::label_key(strategy)).collect();
    }
    let known = [OLDEST_EMULATION_VERSION];
    (strategy != OLDEST_EMULATION_VERSION)
        .then(|| path.child("strategy").not_supported(strategy, &known))
        .into_iter()
        .collect()
}

/// A semantic version's three numbers; what follows them does not change the order that counts here.
fn version(text: &str) -> Option<[u64; 3]> {
    let core = text.split(['-', '+']).next()?;
    let is_number = |part: &&str| part.len() == 1 || !part.starts_with('0');
    let parts: Vec<u64> = core.split('.').filter(is_number).map(str::parse).collect::<Result<_, _>>().ok()?;
    parts.try_into().ok().filter(|_: &[u64; 3]| core.split('.').count() == 3)
}
