//! ServiceAccount: a Pod gets the account `default`, the account's token and pull secrets; one that is missing refuses
//! the Pod.

use std::sync::Arc;
use std::time::Duration;

use kubernel_meta::{ApiError, Object};
use rand::RngExt as _;
use serde_json::{Value, json};

use super::{Attributes, Operation, View};
use crate::authz::names_any;

const DEFAULT_ACCOUNT: &str = "default";
const VOLUME_PREFIX: &str = "kube-api-access-";
const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The controller that makes the account `default` of a new namespace gets this long, in tries and pauses.
const DEFAULT_ACCOUNT_TRIES: u32 = 10;
const DEFAULT_ACCOUNT_PAUSE: Duration = Duration::from_millis(100);
/// What a token volume asks for: an hour and a bit, by which the issuer knows it (see `reviews::token_request`).
const TOKEN_SECS: i64 = 3607;
const ENFORCE_ANNOTATION: &str = "kubernetes.io/enforce-mountable-secrets";
/// The lists of containers with what a container of each is called.
const CONTAINERS: [(&str, &str); 2] = [("initContainers", "init container"), ("containers", "container")];
const EPHEMERAL_CONTAINERS: [(&str, &str); 1] = [("ephemeralContainers", "ephemeral container")];
/// Letters of generated names: no vowels and nothing that looks like another.
const SUFFIX_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_CHARS: usize = 5;

pub(super) async fn admit(view: &View<'_>, request: &Attributes<'_>, pod: &mut Object) -> Result<(), ApiError> {
    if !request.is_main("", "pods") || request.operation != Operation::Create {
        return Ok(());
    }
    if is_mirror(pod) {
        return check_mirror(request, pod);
    }
    if pod.str_at(&["spec", "serviceAccountName"]).is_empty() {
        pod.set(&["spec", "serviceAccountName"], DEFAULT_ACCOUNT);
    }
    let name = pod.str_at(&["spec", "serviceAccountName"]).to_owned();
    pod.set(&["spec", "serviceAccount"], name.as_str());
    let account = find(view, request, &name).await?;
    let automount = |object: &Object, path: &[&str]| object.at(path).and_then(Value::as_bool);
    if automount(pod, &["spec", "automountServiceAccountToken"])
        .or_else(|| automount(&account, &["automountServiceAccountToken"]))
        .unwrap_or(true)
    {
        mount_token(pod);
    }
    let secrets = account.list_at(&["imagePullSecrets"]);
    if pod.list_at(&["spec", "imagePullSecrets"]).is_empty() && !secrets.is_empty() {
        pod.set(&["spec", "imagePullSecrets"], secrets.to_vec());
    }
    Ok(())
}

/// Refuses a Pod without an account, or with secrets that its account does not let it have.
pub(super) async fn check(view: &View<'_>, request: &Attributes<'_>, pod: &Object) -> Result<(), ApiError> {
    let lists: &[(&str, &str)] = match (request.operation, request.subresource) {
        (Operation::Create, "") => &CONTAINERS,
        (Operation::Update, "ephemeralcontainers") => &EPHEMERAL_CONTAINERS,
        _ => return Ok(()),
    };
    if !request.is_of("", "pods") {
        return Ok(());
    }
    if is_mirror(pod) {
        return if request.operation == Operation::Create { check_mirror(request, pod) } else { Ok(()) };
    }
    let name = pod.str_at(&["spec", "serviceAccountName"]);
    if name.is_empty() {
        let text = format!("no service account specified for pod {}/{}", request.namespace, request.name);
        return Err(request.forbidden(text));
    }
    let account = find(view, request, name).await?;
    if account.annotations().any(|(key, value)| key == ENFORCE_ANNOTATION && is_true(value)) {
        check_secrets(&account, pod, lists).map_err(|text| request.forbidden(text))?;
    }
    Ok(())
}

async fn find(view: &View<'_>, request: &Attributes<'_>, name: &str) -> Result<Arc<Object>, ApiError> {
    let key = format!("/registry/core/serviceaccounts/{}/{name}", request.namespace);
    let tries = if name == DEFAULT_ACCOUNT { DEFAULT_ACCOUNT_TRIES } else { 1 };
    for attempt in 0..tries {
        if attempt > 0 {
            tokio::time::sleep(DEFAULT_ACCOUNT_PAUSE).await;
        }
        if let Some(account) = view.get(&key).await? {
            return Ok(account);
        }
    }
    Err(request.forbidden(format!(
        "error looking up service account {}/{name}: serviceaccount {name:?} not found",
        request.namespace
    )))
}

fn mount_token(pod: &mut Object) {
    let volumes = pod.list_at(&["spec", "volumes"]).iter();
    let present = volumes.filter_map(|volume| volume["name"].as_str()).find(|name| name.starts_with(VOLUME_PREFIX));
    let (name, is_present) = match present {
        Some(name) => (name.to_owned(), true),
        None => (format!("{VOLUME_PREFIX}{}", random_suffix()), false),
    };
    let mount = json!({ "name": name, "readOnly": true, "mountPath": MOUNT_PATH });
    let spec = pod.map_at_mut(&["spec"]);
    let mut needed = false;
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            needed |= add_mount(container, &mount);
        }
    }
    if needed && !is_present {
        let volume = json!({ "name": name, "projected": { "defaultMode": 420, "sources": [
            { "serviceAccountToken": { "expirationSeconds": TOKEN_SECS, "path": "token" } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [{
                "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" },
            }] } },
        ] } });
        match spec.get_mut("volumes").and_then(Value::as_array_mut) {
            Some(volumes) => volumes.push(volume),
            None => {
                spec.insert("volumes".to_owned(), json!([volume]));
            }
        }
    }
}

/// Adds the mount where nothing else is mounted at its path, and says whether it did.
fn add_mount(container: &mut Value, mount: &Value) -> bool {
    let Some(container) = container.as_object_mut() else { return false };
    match container.get_mut("volumeMounts").and_then(Value::as_array_mut) {
        Some(mounts) if mounts.iter().any(|other| other["mountPath"] == MOUNT_PATH) => return false,
        Some(mounts) => mounts.push(mount.clone()),
        None => {
            container.insert("volumeMounts".to_owned(), json!([mount]));
        }
    }
    true
}

/// Pods that mirror a node's own files must not reach for what only the API server has.
fn check_mirror(request: &Attributes<'_>, pod: &Object) -> Result<(), ApiError> {
    if !pod.str_at(&["spec", "serviceAccountName"]).is_empty() {
        return Err(request.forbidden("a mirror pod may not reference service accounts"));
    }
    if pod.at(&["spec"]).is_some_and(|spec| names_any(spec, "secrets")) {
        return Err(request.forbidden("a mirror pod may not reference secrets"));
    }
    for volume in pod.list_at(&["spec", "volumes"]) {
        let sources = volume["projected"]["sources"].as_array().map_or(&[][..], Vec::as_slice);
        if sources.iter().any(|source| source.get("serviceAccountToken").is_some()) {
            return Err(request.forbidden("a mirror pod may not use ServiceAccountToken volume projections"));
        }
    }
    Ok(())
}

/// The account says which secrets its Pods may use.
fn check_secrets(account: &Object, pod: &Object, lists: &[(&str, &str)]) -> Result<(), String> {
    let names = |field: &str| -> Vec<&str> {
        account.list_at(&[field]).iter().filter_map(|item| item["name"].as_str()).collect()
    };
    let (mountable, pullable, account) = (names("secrets"), names("imagePullSecrets"), account.name());
    let refused = "is not allowed because service account";
    let is_new = lists == EPHEMERAL_CONTAINERS;
    for volume in pod.list_at(&["spec", "volumes"]).iter().filter(|_| !is_new) {
        if let Some(name) = volume["secret"]["secretName"].as_str()
            && !mountable.contains(&name)
        {
            return Err(format!(
                "volume with secret.secretName=\"{name}\" {refused} {account} does not reference that secret"
            ));
        }
    }
    for (list, title) in lists {
        for container in pod.list_at(&["spec", list]) {
            let own = container["name"].as_str().unwrap_or_default();
            let variables = container["env"].as_array().into_iter().flatten().map(|variable| {
                let how = format!("envVar {}", variable["name"].as_str().unwrap_or_default());
                (how, &variable["valueFrom"]["secretKeyRef"]["name"])
            });
            let whole = container["envFrom"].as_array().into_iter().flatten();
            let whole = whole.map(|source| ("envFrom".to_owned(), &source["secretRef"]["name"]));
            for (how, name) in variables.chain(whole) {
                if let Some(name) = name.as_str().filter(|name| !mountable.contains(name)) {
                    return Err(format!(
                        "{title} {own} with {how} referencing secret.secretName=\"{name}\" {refused} {account} does \
                         not reference that secret"
                    ));
                }
            }
        }
    }
    for (index, secret) in pod.list_at(&["spec", "imagePullSecrets"]).iter().filter(|_| !is_new).enumerate() {
        let name = secret["name"].as_str().unwrap_or_default();
        if !pullable.contains(&name) {
            return Err(format!(
                "imagePullSecrets[{index}].name=\"{name}\" {refused} {account} does not reference that imagePullSecret"
            ));
        }
    }
    Ok(())
}

fn is_mirror(pod: &Object) -> bool {
    pod.annotations().any(|(key, _)| key == "kubernetes.io/config.mirror")
}

/// What Go's `strconv.ParseBool` takes for true.
fn is_true(text: &str) -> bool {
    ["1", "t", "T", "true", "TRUE", "True"].contains(&text)
}

fn random_suffix() -> String {
    let mut rng = rand::rng();
    (0..SUFFIX_CHARS).map(|_| char::from(SUFFIX_LETTERS[rng.random_range(0..SUFFIX_LETTERS.len())])).collect()
}
