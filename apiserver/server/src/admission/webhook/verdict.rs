//! What a webhook's AdmissionReview means, with upstream's texts for one that is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubernel_meta::{ApiError, Cause, Details, Reason};
use serde_json::Value;

/// A valid answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// Whether the write may go on.
    pub(super) allowed: bool,
    /// A JSON patch that changes something, as it came.
    pub(super) patch: Option<Vec<u8>>,
    /// Texts for `Warning` headers.
    pub(super) warnings: Vec<String>,
    /// What it says of a refusal (a Status), or null.
    pub(super) status: Value,
}

/// Checks an answer to the question `uid` in this version of AdmissionReview.
pub(super) fn read(version: &str, uid: &str, mutating: bool, review: &Value) -> Result<Answer, String> {
    let response = &review["response"];
    if !response.is_object() {
        return Err("webhook response was absent".to_owned());
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let strict = version == "v1";
    if strict {
        let got = text(&response["uid"]);
        if got != uid {
            return Err(format!("expected response.uid={uid:?}, got {got:?}"));
        }
        let (api_version, kind) = (text(&review["apiVersion"]), text(&review["kind"]));
        if api_version != "admission.k8s.io/v1" || kind != "AdmissionReview" {
            let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
            return Err(format!(
                "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {group}/{version}, Kind={kind}"
            ));
        }
    }
    let encoded = text(&response["patch"]);
    let patch_type = response["patchType"].as_str();
    if strict && !mutating {
        if !encoded.is_empty() {
            return Err("validating webhook may not return response.patch".to_owned());
        }
        if patch_type.is_some() {
            return Err("validating webhook may not return response.patchType".to_owned());
        }
    }
    if strict && mutating {
        match (encoded.is_empty(), patch_type) {
            (false, None) => return Err("webhook returned response.patch but not response.patchType".to_owned()),
            (true, Some(_)) => return Err("webhook returned response.patchType but not response.patch".to_owned()),
            (false, Some("")) => return Err("webhook returned invalid response.patchType of \"\"".to_owned()),
            (false, Some(other)) if other != "JSONPatch" => return Err(format!("unsupported patch type {other:?}")),
            _ => {}
        }
    }
    let patch = match encoded.as_str() {
        "" => None,
        _ if !mutating => None,
        encoded => patch(encoded)?,
    };
    let warnings = response["warnings"].as_array().into_iter().flatten().map(text).collect();
    Ok(Answer { allowed: response["allowed"] == true, patch, warnings, status: response["status"].clone() })
}

/// The patch, where it has any steps.
fn patch(encoded: &str) -> Result<Option<Vec<u8>>, String> {
    let undecodable = |why: &dyn std::fmt::Display| format!("received undecodable patch in webhook response: {why}");
    let bytes = STANDARD.decode(encoded).map_err(|error| undecodable(&error))?;
    let steps: Vec<Value> = serde_json::from_slice(&bytes).map_err(|error| undecodable(&error))?;
    Ok((!steps.is_empty()).then_some(bytes))
}

/// The refusal that a webhook's Status means (webhookerrors.ToStatusErr).
pub(super) fn refusal(webhook: &str, status: &Value) -> ApiError {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let denied = format!("admission webhook {webhook:?} denied the request");
    let (message, reason) = (text(&status["message"]), text(&status["reason"]));
    let message = match (message.as_str(), reason.as_str()) {
        ("", "") => format!("{denied} without explanation"),
        ("", reason) => format!("{denied}: {reason}"),
        (message, _) => format!("{denied}: {message}"),
    };
    let code =
        status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
    let error = ApiError::new(code.unwrap_or(400), Reason::named(&reason).unwrap_or(Reason::Unknown), message);
    let details = &status["details"];
    if !details.is_object() {
        return error;
    }
    let causes = details["causes"].as_array().into_iter().flatten();
    error.with_details(Details {
        name: text(&details["name"]),
        group: text(&details["group"]),
        kind: text(&details["kind"]),
        uid: text(&details["uid"]),
        causes: causes
            .map(|cause| Cause {
                reason: text(&cause["reason"]),
                message: text(&cause["message"]),
                field: text(&cause["field"]),
            })
            .collect(),
        retry_after_secs: details["retryAfterSeconds"].as_u64().and_then(|secs| secs.try_into().ok()).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_checked() {
        let review = |version: &str, response: Value| json!({"apiVersion": format!("admission.k8s.io/{version}"), "kind": "AdmissionReview", "response": response});
        let encoded = STANDARD.encode("[]");
        let patch = json!({"uid": "u", "allowed": true, "patch": encoded, "patchType": "JSONPatch"});
        let without = |field: &str| {
            let mut patch = patch.clone();
            patch.as_object_mut().unwrap().remove(field);
            patch
        };
        for (version, mutating, review, expect) in [
            ("v1", true, review("v1", patch.clone()), Ok(true)),
            ("v1beta1", true, review("v1beta1", without("patchType")), Ok(true)),
            ("v1beta1", true, json!({"response": {"allowed": false}}), Ok(false)),
            ("v1", true, review("v1", Value::Null), Err("webhook response was absent")),
            ("v1", true, review("v1", json!({"uid": "x"})), Err("expected response.uid=\"u\", got \"x\"")),
            (
                "v1",
                true,
                review("v1beta1", json!({"uid": "u"})),
                Err("expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got \
                     admission.k8s.io/v1beta1, Kind=AdmissionReview"),
            ),
            (
                "v1",
                true,
                review("v1", without("patchType")),
                Err("webhook returned response.patch but not response.patchType"),
            ),
            (
                "v1",
                true,
                review("v1", without("patch")),
                Err("webhook returned response.patchType but not response.patch"),
            ),
            ("v1", false, review("v1", patch.clone()), Err("validating webhook may not return response.patch")),
            ("v1", false, review("v1", without("patch")), Err("validating webhook may not return response.patchType")),
        ] {
            let found = read(version, "u", mutating, &review).map(|answer| answer.allowed);
            assert_eq!(found, expect.map_err(str::to_owned), "{review}");
        }
    }

    #[test]
    fn refusals_say_who_and_why() {
        for (status, code, reason, message) in [
            (Value::Null, 400, Reason::Unknown, " without explanation"),
            (json!({"code": 200, "message": "no"}), 400, Reason::Unknown, ": no"),
            (json!({"code": 403, "reason": "Forbidden"}), 403, Reason::Forbidden, ": Forbidden"),
            (json!({"code": 422, "reason": "Invalid", "message": "bad"}), 422, Reason::Invalid, ": bad"),
        ] {
            let error = refusal("a.b.c", &status);
            let expect = format!("admission webhook \"a.b.c\" denied the request{message}");
            assert_eq!((error.code(), error.reason(), error.message()), (code, reason, expect.as_str()));
        }
    }
}
