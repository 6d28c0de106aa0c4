//! A webhook's HTTP answer: the JSON in it, or what upstream's client says of an answer that has none.

use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::Value;

/// The most that an answer may hold.
const ANSWER_BYTES_MAX: usize = 3 * 1024 * 1024;
/// How much of an unexpected answer is told.
const TOLD_BYTES_MAX: usize = 2048;

/// Reads the answer.
pub(super) async fn read(response: Response<Incoming>) -> Result<Value, String> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
        match error.downcast_ref::<LengthLimitError>() {
            Some(_) => format!("the answer holds more than {ANSWER_BYTES_MAX} bytes"),
            None => "unexpected EOF".to_owned(),
        }
    })?;
    judge(parts.status, &parts.headers, &body.to_bytes())
}

fn judge(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
    let parsed = serde_json::from_slice::<Value>(body);
    if code.is_success() {
        return parsed.map_err(|error| format!("couldn't get version/kind; json parse error: {error}"));
    }
    if let Ok(status) = &parsed
        && status["kind"] == "Status"
        && status["status"] == "Failure"
        && let Some(message) = status["message"].as_str()
    {
        return Err(message.to_owned());
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let text = String::from_utf8_lossy(&body[..body.len().min(TOLD_BYTES_MAX)]).trim().to_owned();
    // What does not say what it is, is guessed to be text where it is some.
    let is_text = content_type.starts_with("text/") || (content_type.is_empty() && !text.is_empty());
    Err(generic(code, if is_text { &text } else { "unknown" }))
}

/// What a status code without a Status object is said to mean (apierrors.NewGenericServerResponse).
fn generic(code: StatusCode, told: &str) -> String {
    match code.as_u16() {
        400 => "the server rejected our request for an unknown reason",
        401 => "the server has asked for the client to provide credentials",
        404 => "the server could not find the requested resource",
        405 => "the server does not allow this method on the requested resource",
        409 => "the server reported a conflict",
        403 | 406 | 415 => told,
        422 => "the server rejected our request due to an error in our request",
        429 => "the server has received too many requests and has asked us to try again later",
        503 => "the server is currently unable to handle the request",
        504 => {
            "the server was unable to return a response in the time allotted, but may still be processing the request"
        }
        500.. => return format!("an error on the server ({told:?}) has prevented the request from succeeding"),
        other => {
            return format!("the server responded with the status code {other} but did not return more information");
        }
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_without_json() {
        let plain = HeaderMap::from_iter([(header::CONTENT_TYPE, "text/plain".parse().unwrap())]);
        let status = br#"{"kind":"Status","status":"Failure","message":"no","code":500}"#;
        for (code, headers, body, error) in [
            (404, &plain, &b"404 page not found"[..], "the server could not find the requested resource"),
            (500, &plain, b"boom\n", "an error on the server (\"boom\") has prevented the request from succeeding"),
            (
                502,
                &HeaderMap::new(),
                b"",
                "an error on the server (\"unknown\") has prevented the request from succeeding",
            ),
            (500, &HeaderMap::new(), status, "no"),
            (301, &plain, b"", "the server responded with the status code 301 but did not return more information"),
        ] {
            let judged = judge(StatusCode::from_u16(code).unwrap(), headers, body);
            assert_eq!(judged, Err(error.to_owned()), "{code}");
        }
        assert_eq!(judge(StatusCode::OK, &plain, b"{}"), Ok(serde_json::json!({})));
    }
}
