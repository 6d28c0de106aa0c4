//! A controller as its authors write them with kube-rs: a `Fleet` of some size becomes that many ConfigMaps.
//!
//! It brings its own CustomResourceDefinition, applies server-side, reports in the status subresource and holds a
//! finalizer. It runs as a plain process beside a cluster and knows nothing of it but the kubeconfig.

#![allow(clippy::duplicated_attributes, reason = "two columns of one type are no mistake")]

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::finalizer::{self, finalizer};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::watcher;
use kube::{Client, CustomResource, CustomResourceExt as _, Resource as _, ResourceExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

const MANAGER: &str = "fleet-operator";
const FINALIZER: &str = "fleets.example.com/scuttle";
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// What a Fleet is to be.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "fleets.example.com", version = "v1", kind = "Fleet", namespaced, shortname = "fl")]
#[kube(status = "FleetStatus")]
#[kube(scale(spec_replicas_path = ".spec.size", status_replicas_path = ".status.afloat"))]
#[kube(printcolumn(name = "Size", type_ = "integer", json_path = ".spec.size"))]
#[kube(printcolumn(name = "Afloat", type_ = "integer", json_path = ".status.afloat"))]
#[kube(validation = Rule::new("!has(self.spec.flag) || self.spec.size > 0").message("only a fleet with ships has a flag"))]
#[serde(rename_all = "camelCase")]
struct FleetSpec {
    /// How many ships.
    #[schemars(range(min = 0, max = 5))]
    size: i32,
    /// Their colour.
    #[serde(default = "grey")]
    colour: String,
    /// The flagship's flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    flag: Option<String>,
}

/// What a Fleet is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FleetStatus {
    afloat: i32,
    observed_generation: i64,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Api(#[from] kube::Error),
    #[error("finalizer: {0}")]
    Finalizer(#[from] Box<finalizer::Error<Error>>),
    #[error("a Fleet without a namespace")]
    Nowhere,
}

struct Operator {
    client: Client,
    recorder: Recorder,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::try_default().await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = Fleet::crd_name();
    definitions.patch(name, &PatchParams::apply(MANAGER), &Patch::Apply(Fleet::crd())).await?;
    await_condition(definitions, name, conditions::is_crd_established()).await?;

    let reporter = Reporter { controller: MANAGER.into(), instance: None };
    let operator = Operator { recorder: Recorder::new(client.clone(), reporter), client: client.clone() };
    Controller::new(Api::<Fleet>::default_namespaced(client.clone()), watcher::Config::default())
        .owns(Api::<ConfigMap>::default_namespaced(client), watcher::Config::default())
        .run(reconcile, |_, error, _| retry(error), Arc::new(operator))
        .for_each(|outcome| async move {
            if let Err(error) = outcome {
                eprintln!("{error}");
            }
        })
        .await;
    Ok(())
}

fn retry(error: &Error) -> Action {
    eprintln!("{error}");
    Action::requeue(RETRY_WAIT)
}

async fn reconcile(fleet: Arc<Fleet>, operator: Arc<Operator>) -> Result<Action, Error> {
    let namespace = fleet.namespace().ok_or(Error::Nowhere)?;
    let fleets: Api<Fleet> = Api::namespaced(operator.client.clone(), &namespace);
    let outcome = finalizer(&fleets, FINALIZER, fleet, |event| async {
        match event {
            finalizer::Event::Apply(fleet) => float(&operator, &namespace, &fleet).await,
            finalizer::Event::Cleanup(fleet) => scuttle(&operator, &namespace, &fleet).await,
        }
    });
    outcome.await.map_err(|error| Error::Finalizer(Box::new(error)))
}

async fn float(operator: &Operator, namespace: &str, fleet: &Fleet) -> Result<Action, Error> {
    let ships: Api<ConfigMap> = Api::namespaced(operator.client.clone(), namespace);
    let owner = fleet.controller_owner_ref(&());
    for number in 0..fleet.spec.size {
        let name = format!("{}-{number}", fleet.name_any());
        let ship = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": name, "labels": { "fleet": fleet.name_any() }, "ownerReferences": [owner] },
            "data": { "colour": fleet.spec.colour },
        });
        ships.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(ship)).await?;
    }
    let afloat = ships.list(&ListParams::default().labels(&format!("fleet={}", fleet.name_any()))).await?;
    for ship in afloat.iter().filter(|ship| number_of(&ship.name_any()) >= Some(fleet.spec.size)) {
        ships.delete(&ship.name_any(), &DeleteParams::default()).await?;
    }
    let status = json!({
        "apiVersion": Fleet::api_version(&()),
        "kind": Fleet::kind(&()),
        "status": FleetStatus { afloat: fleet.spec.size, observed_generation: fleet.meta().generation.unwrap_or(0) },
    });
    let fleets: Api<Fleet> = Api::namespaced(operator.client.clone(), namespace);
    fleets.patch_status(&fleet.name_any(), &PatchParams::apply(MANAGER).force(), &Patch::Apply(status)).await?;
    Ok(Action::await_change())
}

async fn scuttle(operator: &Operator, namespace: &str, fleet: &Fleet) -> Result<Action, Error> {
    let ships: Api<ConfigMap> = Api::namespaced(operator.client.clone(), namespace);
    let mine = ListParams::default().labels(&format!("fleet={}", fleet.name_any()));
    ships.delete_collection(&DeleteParams::default(), &mine).await?;
    let event = Event {
        type_: EventType::Normal,
        reason: "Scuttled".into(),
        note: Some(format!("{} ships went down", fleet.spec.size)),
        action: "Scuttle".into(),
        secondary: None,
    };
    operator.recorder.publish(&event, &fleet.object_ref(&())).await?;
    Ok(Action::await_change())
}

fn grey() -> String {
    "grey".into()
}

fn number_of(ship: &str) -> Option<i32> {
    ship.rsplit('-').next()?.parse().ok()
}
