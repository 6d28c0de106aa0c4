//! Nobody grants more than they hold: the checks on writes of roles and bindings (upstream's policybased storage).

use kubernel_kinds::Kind;
use kubernel_meta::{ApiError, Object};

use super::rule::{missing, quote_list};
use super::{Attributes, Authorizer, Decision, Rule};
use crate::User;
use crate::authn::user::MASTERS;

/// Refuses a Role or ClusterRole whose rules the user neither holds nor may `escalate`. `old` is the role before an
/// update.
pub fn check_role(
    authorizer: &Authorizer,
    user: &User,
    kind: &Kind,
    new: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    let unchanged = |old: &Object| same(old, new, "rules") && same(old, new, "aggregationRule");
    if old.is_some_and(unchanged) || may(authorizer, user, kind, "escalate", new.name(), new.namespace(), &kind.plural)
    {
        return Ok(());
    }
    let forbidden = |detail: String| ApiError::forbidden(&kind.gvr(), new.name(), detail);
    if new.at(&["aggregationRule"]).is_some_and(|rule| !rule.is_null()) {
        let everything = |rule: Rule| Rule { verbs: vec!["*".to_owned()], ..rule };
        let full = [
            everything(Rule { groups: vec!["*".to_owned()], resources: vec!["*".to_owned()], ..Rule::default() }),
            everything(Rule { urls: vec!["*".to_owned()], ..Rule::default() }),
        ];
        check(authorizer, user, new.namespace(), &full).map_err(|text| {
            forbidden(format!("must have cluster-admin privileges to use an aggregationRule: {text}"))
        })?;
    }
    check(authorizer, user, new.namespace(), &Rule::parse_all(new.list_at(&["rules"]))).map_err(forbidden)
}

/// Refuses a RoleBinding or ClusterRoleBinding to a role whose rules the user neither holds nor may `bind`.
pub fn check_binding(
    authorizer: &Authorizer,
    user: &User,
    kind: &Kind,
    new: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if old.is_some_and(|old| same(old, new, "subjects") && same(old, new, "roleRef")) {
        return Ok(());
    }
    let (role_kind, role) = (new.str_at(&["roleRef", "kind"]), new.str_at(&["roleRef", "name"]));
    let plural = if role_kind == "Role" { "roles" } else { "clusterroles" };
    if may(authorizer, user, kind, "bind", role, new.namespace(), plural) {
        return Ok(());
    }
    let namespace = new.namespace();
    // Upstream names the binding's resource here, not the role's.
    let rules = authorizer.rules_of(role_kind, role, namespace).map_err(|_| ApiError::not_found(&kind.gvr(), role))?;
    check(authorizer, user, namespace, &rules).map_err(|text| ApiError::forbidden(&kind.gvr(), new.name(), text))
}

fn may(
    authorizer: &Authorizer,
    user: &User,
    kind: &Kind,
    verb: &str,
    name: &str,
    namespace: &str,
    plural: &str,
) -> bool {
    user.in_group(MASTERS)
        || matches!(
            authorizer.decide(&Attributes {
                user: user.clone(),
                verb: verb.to_owned(),
                is_resource: true,
                group: kind.group.to_string(),
                version: kind.version.to_string(),
                resource: plural.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                ..Attributes::default()
            }),
            Decision::Allow(_)
        )
}

fn check(authorizer: &Authorizer, user: &User, namespace: &str, wanted: &[Rule]) -> Result<(), String> {
    let (held, problems) = authorizer.rules_for(user, namespace);
    let missing = missing(&held, wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let mut text = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        quote_list(&user.groups),
        missing.join("\n")
    );
    if !problems.is_empty() {
        text.push_str(&format!("; resolution errors: [{}]", problems.join(" ")));
    }
    Err(text)
}

/// Whether a field is the same in both, an empty list being as good as none.
fn same(old: &Object, new: &Object, field: &str) -> bool {
    let of = |object: &Object| object.at(&[field]).filter(|v| v.as_array().is_none_or(|l| !l.is_empty())).cloned();
    of(old) == of(new)
}
