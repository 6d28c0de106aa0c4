//! TokenReview and SelfSubjectReview: whose token is this, and who am I.

use jiff::Timestamp;
use kubernel_meta::{ApiError, Object, time};
use serde_json::{Value, json};

use crate::{ApiServer, User, authn};

pub(super) async fn review(server: &ApiServer, mut review: Object) -> Result<Object, ApiError> {
    let token = review.str_at(&["spec", "token"]);
    if token.is_empty() {
        return Err(ApiError::bad_request("token is required for TokenReview in authentication"));
    }
    let audiences = review.list_at(&["spec", "audiences"]).iter().filter_map(Value::as_str);
    let audiences: Vec<String> = audiences.map(str::to_owned).collect();
    let status = match authn::bearer(server, token, &audiences).await {
        Err(error) => json!({ "user": {}, "error": error }),
        Ok(bearer) => {
            let mut status = json!({ "authenticated": true, "user": bearer.user.to_value() });
            if !bearer.audiences.is_empty() {
                status["audiences"] = json!(bearer.audiences);
            }
            status
        }
    };
    review.set(&["status"], status);
    Ok(review)
}

pub(super) fn self_review(user: &User) -> Object {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
        "metadata": { "creationTimestamp": time::format(Timestamp::now()) },
        "status": { "userInfo": user.to_value() },
    });
    Object::from_value(review).unwrap_or_default()
}
