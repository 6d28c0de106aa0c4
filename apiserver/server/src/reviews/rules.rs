//! SelfSubjectRulesReview: all that the user may do in a namespace.

use kubernel_meta::{ApiError, Object};
use serde_json::{Value, json};

use crate::{ApiServer, User};

pub(super) fn review(server: &ApiServer, user: &User, mut review: Object) -> Result<Object, ApiError> {
    let namespace = review.str_at(&["spec", "namespace"]).to_owned();
    if namespace.is_empty() {
        return Err(ApiError::bad_request("no namespace on request"));
    }
    let (rules, mut problems) = server.authorizer().rules_for(user, &namespace);
    if user.node_name().is_some() {
        problems.push("node authorizer does not support user rule resolution".to_owned());
    }
    let of_resources: Vec<Value> =
        rules.iter().filter(|rule| !rule.resources.is_empty()).map(|rule| rule.to_value()).collect();
    let of_paths: Vec<Value> = rules.iter().filter(|rule| !rule.urls.is_empty()).map(|rule| rule.to_value()).collect();
    let mut status = json!({
        "resourceRules": of_resources, "nonResourceRules": of_paths, "incomplete": !problems.is_empty(),
    });
    if !problems.is_empty() {
        status["evaluationError"] = json!(problems.join(", "));
    }
    review.set(&["status"], status);
    Ok(review)
}
