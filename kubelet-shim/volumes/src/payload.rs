//! From objects to files: what a configMap, secret, downward API or projected volume contains.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use crate::spec::{DownwardApi, ObjectFiles, Projected, TokenFile};
use crate::{Result, VolumeError};

/// Mode of files that say nothing else.
pub(crate) const DEFAULT_MODE: u32 = 0o644;
/// Life of a token that says nothing else, in seconds.
const TOKEN_SECS: i64 = 3600;

/// Where the contents of one Pod's volumes come from. Errors are texts for people.
pub trait Source: Send + Sync {
    /// A configMap of the Pod's namespace; none when there is none of that name.
    fn config_map<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::result::Result<Option<Arc<Value>>, String>>;
    /// A secret of the Pod's namespace.
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::result::Result<Option<Arc<Value>>, String>>;
    /// A token of the Pod's service account.
    fn token(&self, wish: TokenWish) -> BoxFuture<'_, std::result::Result<Token, String>>;
    /// A field of the Pod, as `fieldRef` names it.
    fn field(&self, reference: &Value) -> std::result::Result<String, String>;
    /// A resource of a container, as `resourceFieldRef` names it.
    fn resource(&self, reference: &Value) -> std::result::Result<String, String>;
}

/// A service account token as a volume asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenWish {
    /// Empty for the API server's own.
    pub audience: String,
    /// For how long.
    pub expiration_secs: i64,
}

/// A token that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// One file of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileBody {
    pub(crate) data: Vec<u8>,
    pub(crate) mode: u32,
    /// The user it belongs to, when not root.
    pub(crate) user: Option<u32>,
}

/// Files by their path in the volume.
pub(crate) type Payload = BTreeMap<String, FileBody>;

/// Who the files are for, as far as that changes them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reader {
    pub(crate) user: Option<u32>,
    pub(crate) group: Option<u32>,
}

pub(crate) async fn config_map(source: &dyn Source, files: &ObjectFiles, mode: u32, out: &mut Payload) -> Result<()> {
    let object = source.config_map(&files.name).await.map_err(VolumeError::Content)?;
    let Some(object) = object else { return absent(files, "configmap", &files.name) };
    let mut all = BTreeMap::new();
    for (key, value) in object["data"].as_object().into_iter().flatten() {
        all.insert(key.as_str(), value.as_str().unwrap_or_default().as_bytes().to_vec());
    }
    for (key, value) in object["binaryData"].as_object().into_iter().flatten() {
        all.insert(key.as_str(), decode(key, value)?);
    }
    let missing = |key: &str| format!("configmap references non-existent config key: {key}");
    pick(files, all, mode, missing, out)
}

pub(crate) async fn secret(source: &dyn Source, files: &ObjectFiles, mode: u32, out: &mut Payload) -> Result<()> {
    let name = if files.secret_name.is_empty() { &files.name } else { &files.secret_name };
    let object = source.secret(name).await.map_err(VolumeError::Content)?;
    let Some(object) = object else { return absent(files, "secret", name) };
    let mut all = BTreeMap::new();
    for (key, value) in object["data"].as_object().into_iter().flatten() {
        all.insert(key.as_str(), decode(key, value)?);
    }
    pick(files, all, mode, |key| format!("references non-existent secret key: {key}"), out)
}

pub(crate) fn downward(source: &dyn Source, files: &DownwardApi, mode: u32, out: &mut Payload) -> Result<()> {
    for item in &files.items {
        let text = match (&item.field_ref, &item.resource_field_ref) {
            (Some(reference), _) => source.field(reference),
            (None, Some(reference)) => source.resource(reference),
            (None, None) => Err(format!("{}: neither a field nor a resource is named", item.path)),
        };
        let data = text.map_err(VolumeError::Content)?.into_bytes();
        out.insert(item.path.clone(), FileBody { data, mode: item.mode.unwrap_or(mode), user: None });
    }
    Ok(())
}

/// Fills `out`; the answer is when its first token must be renewed.
pub(crate) async fn projected(
    source: &dyn Source,
    volume: &Projected,
    reader: Reader,
    tokens: &mut BTreeMap<TokenWish, (Token, Timestamp)>,
    now: Timestamp,
    out: &mut Payload,
) -> Result<()> {
    let mode = volume.default_mode.unwrap_or(DEFAULT_MODE);
    for part in &volume.sources {
        if let Some(files) = &part.config_map {
            config_map(source, files, mode, out).await?;
        }
        if let Some(files) = &part.secret {
            secret(source, files, mode, out).await?;
        }
        if let Some(files) = &part.downward_api {
            downward(source, files, mode, out)?;
        }
        if let Some(file) = &part.service_account_token {
            let data = token(source, file, tokens, now).await?.into_bytes();
            // A token of a Pod that names its user or group is for them alone.
            let mode = if reader.user.is_some() || reader.group.is_some() { 0o600 } else { mode };
            out.insert(file.path.clone(), FileBody { data, mode, user: reader.user });
        }
    }
    Ok(())
}

/// A token, renewed when 80 % of its life (or 24 hours) are over.
async fn token(
    source: &dyn Source,
    file: &TokenFile,
    tokens: &mut BTreeMap<TokenWish, (Token, Timestamp)>,
    now: Timestamp,
) -> Result<String> {
    let wish =
        TokenWish { audience: file.audience.clone(), expiration_secs: file.expiration_seconds.unwrap_or(TOKEN_SECS) };
    if let Some((token, renew_at)) = tokens.get(&wish)
        && now < *renew_at
    {
        return Ok(token.token.clone());
    }
    let fresh = match source.token(wish.clone()).await {
        Ok(fresh) => fresh,
        Err(text) => {
            // An old token that still lives is better than none.
            let old = tokens.get(&wish).filter(|(token, _)| now < token.expires_at);
            return old.map(|(token, _)| token.token.clone()).ok_or(VolumeError::Content(text));
        }
    };
    let life_secs = fresh.expires_at.duration_since(now).as_secs().max(0);
    let renew_secs = (life_secs * 4 / 5).min(24 * 3600);
    let renew_at = now.checked_add(jiff::SignedDuration::from_secs(renew_secs)).unwrap_or(fresh.expires_at);
    let text = fresh.token.clone();
    tokens.insert(wish, (fresh, renew_at));
    Ok(text)
}

fn absent(files: &ObjectFiles, kind: &str, name: &str) -> Result<()> {
    if files.optional { Ok(()) } else { Err(VolumeError::Content(format!("{kind} \"{name}\" not found"))) }
}

fn decode(key: &str, value: &Value) -> Result<Vec<u8>> {
    let text = value.as_str().unwrap_or_default();
    STANDARD.decode(text).map_err(|error| VolumeError::Content(format!("key {key}: {error}")))
}

fn pick(
    files: &ObjectFiles,
    mut all: BTreeMap<&str, Vec<u8>>,
    mode: u32,
    missing: impl Fn(&str) -> String,
    out: &mut Payload,
) -> Result<()> {
    let mode = files.default_mode.unwrap_or(mode);
    let Some(items) = &files.items else {
        out.extend(all.into_iter().map(|(key, data)| (key.to_owned(), FileBody { data, mode, user: None })));
        return Ok(());
    };
    for item in items {
        let Some(data) = all.get_mut(item.key.as_str()) else {
            if files.optional {
                continue;
            }
            return Err(VolumeError::Content(missing(&item.key)));
        };
        let body = FileBody { data: data.clone(), mode: item.mode.unwrap_or(mode), user: None };
        out.insert(item.path.clone(), body);
    }
    Ok(())
}
