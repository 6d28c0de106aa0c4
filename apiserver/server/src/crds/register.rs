//! From a CRD to resources: one for each version that is served.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kubernel_kinds::custom::{CustomStrategy, Definition};
use kubernel_meta::Object;
use kubernel_structural::Structural;
use tokio_util::sync::CancellationToken;

use crate::resources::Resource;

/// The stamps of this process: never 0, which is the stamp of what was written before it began.
static STAMPS: AtomicU64 = AtomicU64::new(1);

/// What is special about a custom resource, in one of its versions.
#[derive(Debug)]
pub(crate) struct Custom {
    /// What its CRD declares.
    pub(crate) definition: Arc<Definition>,
    /// The schema of this version.
    pub(crate) structural: Arc<Structural>,
    /// The schemas of all versions by name: stored objects may be of any.
    pub(crate) shapes: Arc<BTreeMap<String, Arc<Structural>>>,
    /// What was written under this very schema and has been read under no other; see `view`.
    pub(crate) stamp: u64,
    /// Whether objects are stored in this version.
    pub(crate) is_stored: bool,
    /// The CRD is being deleted: nothing new may be created.
    pub(crate) terminating: AtomicBool,
    /// Cancelled when another resource takes this one's place: its watches end.
    pub(crate) retired: CancellationToken,
}

impl Custom {
    /// Ends the watches of a resource whose place another one has taken.
    pub(super) fn retire(&self) {
        self.retired.cancel();
    }

    /// The stamp of an object that is written through this resource.
    pub(crate) fn stored_stamp(&self) -> u64 {
        if self.is_stored { self.stamp } else { 0 }
    }
}

/// The resources of the versions that a CRD serves. A version whose schema cannot be read, which validation does not let
/// happen, is left out.
pub(super) fn resources(crd: &Object) -> Vec<Arc<Resource>> {
    let definition = Arc::new(Definition::read(crd));
    let mut shapes = BTreeMap::new();
    for version in &definition.versions {
        match Structural::parse(&version.schema) {
            Ok(structural) => {
                shapes.insert(version.name.clone(), Arc::new(structural));
            }
            Err(error) => {
                tracing::error!(crd = %definition.name, version = %version.name, ?error, "no structural schema");
            }
        }
    }
    let shapes = Arc::new(shapes);
    let served = definition.versions.iter().filter(|version| version.served);
    served
        .filter_map(|version| {
            let structural = shapes.get(&version.name)?.clone();
            let strategy = Arc::new(CustomStrategy::new(version, structural.clone()));
            let kind = definition.kind(version, strategy);
            let schema = structural.schema(&kind.definition, &kind.api_version());
            let custom = Custom {
                definition: definition.clone(),
                structural,
                shapes: shapes.clone(),
                stamp: STAMPS.fetch_add(1, Ordering::Relaxed),
                is_stored: version.storage,
                terminating: AtomicBool::new(false),
                retired: CancellationToken::new(),
            };
            Some(Arc::new(Resource::custom(kind, schema, custom)))
        })
        .collect()
}
