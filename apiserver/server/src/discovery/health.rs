//! `/healthz`, `/livez` and `/readyz`, whole or check by check.

use axum::body::Body;
use http::{Response, StatusCode};

use crate::context::Context;
use crate::respond;

/// The checks of all three, in the order in which they are shown.
const CHECKS: [&str; 3] = ["ping", "log", "store"];
/// What only `/readyz` checks.
const READY_CHECKS: [&str; 1] = ["shutdown"];

/// Answers a health request; `words` are its path's.
pub(super) fn serve(context: &Context, words: &[&str]) -> Response<Body> {
    let endpoint = words[0];
    let ready: &[&str] = if endpoint == "readyz" { &READY_CHECKS } else { &[] };
    let checks: Vec<&str> = CHECKS.iter().chain(ready).copied().collect();
    let passes = |check: &str| check != "shutdown" || !context.server.shutdown_token().is_cancelled();
    if let [_, check] = words {
        return match checks.iter().find(|known| *known == check) {
            None => respond::text(StatusCode::NOT_FOUND, "404 page not found\n"),
            Some(check) if passes(check) => respond::text(StatusCode::OK, "ok"),
            Some(_) => respond::text(StatusCode::INTERNAL_SERVER_ERROR, "internal server error: failed\n"),
        };
    }
    let excluded: Vec<&str> = context.query.all("exclude").collect();
    let mut lines = String::new();
    let mut good = true;
    for check in checks {
        if excluded.contains(&check) {
            lines.push_str(&format!("[+]{check} excluded: ok\n"));
        } else if passes(check) {
            lines.push_str(&format!("[+]{check} ok\n"));
        } else {
            good = false;
            lines.push_str(&format!("[-]{check} failed: reason withheld\n"));
        }
    }
    if !good {
        return respond::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{lines}{endpoint} check failed\n"));
    }
    if context.query.get("verbose").is_none() {
        return respond::text(StatusCode::OK, "ok");
    }
    respond::text(StatusCode::OK, format!("{lines}{endpoint} check passed\n"))
}
