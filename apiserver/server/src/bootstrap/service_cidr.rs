//! The range of addresses that the server's configuration gives to Services, and that it is ready: upstream's
//! defaultservicecidr controller.

use http::Method;
use kubernel_meta::{Object, time};
use kubernel_store::At;
use serde_json::{Value, json};

use crate::{ApiServer, Error};

use super::{Place, write, write_missing};

const NAME: &str = "kubernetes";
/// Who says that it is ready.
const MANAGER: &str = "kubernetes-service-cidr-controller";

/// Makes the object again where it is not there, and says that it is ready where nobody has said anything. What somebody
/// else gave another range stays as it is.
pub(super) async fn ensure(server: &ApiServer) -> Result<(), Error> {
    let cidrs = json!([server.config().service_cidr.trunc().to_string()]);
    let named = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": { "name": NAME },
    });
    let with = |field: &str, value: Value| {
        let mut object = named.clone();
        object[field] = value;
        Object::from_value(object).map_err(|_| Error::Bootstrap(format!("ServiceCIDR {NAME} is no object")))
    };
    let wanted = with("spec", json!({ "cidrs": cidrs }))?;
    let Some(place) = Place::of(&wanted) else { return Ok(()) };
    write_missing(server, vec![wanted]).await?;
    let Some(entry) = server.store().snapshot(&place.key, At::Latest).await?.get(&place.key) else { return Ok(()) };
    let Ok(stored) = crate::document::parse(&entry.json) else { return Ok(()) };
    let is_known = stored.list_at(&["status", "conditions"]).iter().any(|condition| condition["type"] == "Ready");
    if is_known || stored.deletion_timestamp().is_some() || stored.at(&["spec", "cidrs"]) != Some(&cidrs) {
        return Ok(());
    }
    let ready = json!({ "conditions": [{
        "type": "Ready", "status": "True", "reason": "", "message": "Kubernetes default Service CIDR is ready",
        "lastTransitionTime": time::format(jiff::Timestamp::now()),
    }] });
    let path = format!("{}/status?force=true&fieldManager={MANAGER}", place.path);
    write(server, Method::PATCH, path, with("status", ready)?).await
}
