//! Impersonation: a user acts as another, where it may (`Impersonate-*` headers).

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue};
use kubernel_meta::ApiError;
use percent_encoding::percent_decode_str;

use super::User;
use super::user::{ANONYMOUS, AUTHENTICATED, SERVICE_ACCOUNT_PREFIX, UNAUTHENTICATED};
use crate::ApiServer;
use crate::authz::{Attributes, Decision, authorize};

const EXTRA_PREFIX: &str = "impersonate-extra-";
const GROUP: &str = "authentication.k8s.io";

/// What the headers ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    name: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
}

/// The user that the request is to act as: `user` itself without `Impersonate-*` headers, otherwise the one that they
/// name, after a check of verb `impersonate` for each part of it.
pub(super) async fn apply(server: &ApiServer, user: User, headers: &HeaderMap) -> Result<User, ApiError> {
    let Some(wanted) = Wanted::read(headers)? else { return Ok(user) };
    for attributes in wanted.attributes(&user) {
        if let Decision::Deny(reason) = authorize(server, &attributes).await {
            return Err(attributes.refuse(&reason));
        }
    }
    Ok(wanted.into_user())
}

impl Wanted {
    /// `None` where no header asks for anything.
    fn read(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let mut wanted = Self { name: text("impersonate-user"), uid: text("impersonate-uid"), ..Self::default() };
        let groups = headers.get_all("impersonate-group").iter();
        wanted.groups = groups.filter_map(as_text).collect();
        for (name, value) in headers {
            let Some(key) = name.as_str().strip_prefix(EXTRA_PREFIX) else { continue };
            let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
            wanted.extra.entry(key).or_default().extend(as_text(value));
        }
        if wanted == Self::default() {
            return Ok(None);
        }
        if wanted.name.is_empty() {
            return Err(ApiError::internal(format!(
                "requested {:?} without impersonating a user",
                wanted.groups.first().or(wanted.extra.keys().next()).unwrap_or(&wanted.uid)
            )));
        }
        Ok(Some(wanted))
    }

    /// What the real user must be allowed to do.
    fn attributes(&self, user: &User) -> Vec<Attributes> {
        let base = Attributes {
            user: user.clone(),
            verb: "impersonate".to_owned(),
            is_resource: true,
            version: "v1".to_owned(),
            ..Attributes::default()
        };
        let of = |group: &str, resource: &str, subresource: &str, namespace: &str, name: &str| Attributes {
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..base.clone()
        };
        let mut all = vec![match self.service_account() {
            Some((namespace, name)) => of("", "serviceaccounts", "", namespace, name),
            None => of("", "users", "", "", &self.name),
        }];
        all.extend(self.groups.iter().map(|group| of("", "groups", "", "", group)));
        for (key, values) in &self.extra {
            all.extend(values.iter().map(|value| of(GROUP, "userextras", key, "", value)));
        }
        if !self.uid.is_empty() {
            all.push(of(GROUP, "uids", "", "", &self.uid));
        }
        all
    }

    fn service_account(&self) -> Option<(&str, &str)> {
        self.name.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')
    }

    fn into_user(mut self) -> User {
        if self.groups.is_empty()
            && let Some((namespace, name)) = self.service_account()
        {
            self.groups = User::service_account(namespace, name, "").groups;
        }
        let implied = if self.name == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED };
        if !self.groups.iter().any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED) {
            self.groups.push(implied.to_owned());
        }
        User { name: self.name, uid: self.uid, groups: self.groups, extra: self.extra }
    }
}

fn as_text(value: &HeaderValue) -> Option<String> {
    value.to_str().ok().map(str::to_owned)
}
