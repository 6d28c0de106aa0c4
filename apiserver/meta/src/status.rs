//! Errors as the wire knows them: `metav1.Status` with code, reason, message and details.

use std::collections::HashSet;
use std::fmt;

use serde_json::{Value, json};

use crate::{Gvk, Gvr, field};

/// `Status.reason` (metav1.StatusReason).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is upstream's own constant of that name")]
pub enum Reason {
    Unauthorized,
    Forbidden,
    NotFound,
    AlreadyExists,
    Conflict,
    Gone,
    Invalid,
    ServerTimeout,
    Timeout,
    TooManyRequests,
    BadRequest,
    MethodNotAllowed,
    NotAcceptable,
    RequestEntityTooLarge,
    UnsupportedMediaType,
    InternalError,
    Expired,
    ServiceUnavailable,
    /// No reason: upstream leaves the field out.
    Unknown,
}

/// One entry of `Status.details.causes`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cause {
    /// `causes[].reason`, for example `FieldValueInvalid`.
    pub reason: String,
    /// `causes[].message`.
    pub message: String,
    /// `causes[].field`; empty is left out.
    pub field: String,
}

/// `Status.details`; empty fields are left out on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Details {
    /// The object's name.
    pub name: String,
    /// The API group.
    pub group: String,
    /// The *plural resource* for most reasons, the *Kind* for `Invalid`.
    pub kind: String,
    /// The object's uid.
    pub uid: String,
    /// What exactly was wrong.
    pub causes: Vec<Cause>,
    /// Seconds after which to try again; 0 is left out. The server sends it as `Retry-After` as well.
    pub retry_after_secs: u32,
}

/// A failed request, exactly as the client sees it. The one error type that crosses the API server's rooms.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError(Box<Inner>);

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    code: u16,
    reason: Reason,
    message: String,
    details: Option<Details>,
    list_continue: String,
}

impl Reason {
    /// The reason of this name; `None` where upstream has no such constant.
    pub fn named(name: &str) -> Option<Self> {
        use Reason::{
            AlreadyExists, BadRequest, Conflict, Expired, Forbidden, Gone, InternalError, Invalid, MethodNotAllowed,
            NotAcceptable, NotFound, RequestEntityTooLarge, ServerTimeout, ServiceUnavailable, Timeout,
            TooManyRequests, Unauthorized, UnsupportedMediaType,
        };
        let all = [
            AlreadyExists,
            BadRequest,
            Conflict,
            Expired,
            Forbidden,
            Gone,
            InternalError,
            Invalid,
            MethodNotAllowed,
            NotAcceptable,
            NotFound,
            RequestEntityTooLarge,
            ServerTimeout,
            ServiceUnavailable,
            Timeout,
            TooManyRequests,
            Unauthorized,
            UnsupportedMediaType,
        ];
        all.into_iter().find(|reason| format!("{reason:?}") == name)
    }
}

impl ApiError {
    /// An error from its parts; prefer the named constructors, which carry upstream's texts.
    pub fn new(code: u16, reason: Reason, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { code, reason, message: message.into(), details: None, list_continue: String::new() }))
    }

    /// The same error with these details.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The same error with one more cause.
    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.0.details.get_or_insert_default().causes.push(cause);
        self
    }

    /// The same error with this before its message.
    #[must_use]
    pub fn with_message_prefix(mut self, prefix: &str) -> Self {
        self.0.message.insert_str(0, prefix);
        self
    }

    /// The same error with `Retry-After`.
    #[must_use]
    pub fn with_retry_after(mut self, secs: u32) -> Self {
        self.0.details.get_or_insert_default().retry_after_secs = secs;
        self
    }

    /// The same error with `metadata.continue`, by which an expired list goes on at a newer revision.
    #[must_use]
    pub fn with_continue(mut self, token: impl Into<String>) -> Self {
        self.0.list_continue = token.into();
        self
    }

    /// 404 `pods "x" not found`.
    pub fn not_found(gvr: &Gvr, name: &str) -> Self {
        Self::new(404, Reason::NotFound, format!("{} \"{name}\" not found", gvr.group_resource()))
            .with_details(Details::of(gvr, name))
    }

    /// 404 for a path whose resource the server does not know.
    pub fn unknown_resource() -> Self {
        Self::new(404, Reason::NotFound, "the server could not find the requested resource")
            .with_details(Details::default())
    }

    /// 409 `pods "x" already exists`.
    pub fn already_exists(gvr: &Gvr, name: &str) -> Self {
        Self::new(409, Reason::AlreadyExists, format!("{} \"{name}\" already exists", gvr.group_resource()))
            .with_details(Details::of(gvr, name))
    }

    /// 409 `Operation cannot be fulfilled on pods "x": detail`.
    pub fn conflict(gvr: &Gvr, name: &str, detail: impl fmt::Display) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {detail}", gvr.group_resource());
        Self::new(409, Reason::Conflict, message).with_details(Details::of(gvr, name))
    }

    /// 409 for a write whose resourceVersion is no longer the object's.
    pub fn modified(gvr: &Gvr, name: &str) -> Self {
        Self::conflict(
            gvr,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 403 `pods "x" is forbidden: detail`.
    pub fn forbidden(gvr: &Gvr, name: &str, detail: impl fmt::Display) -> Self {
        let resource = gvr.group_resource();
        let message = match (name.is_empty(), resource.is_empty()) {
            (_, true) => format!("forbidden: {detail}"),
            (true, false) => format!("{resource} is forbidden: {detail}"),
            (false, false) => format!("{resource} \"{name}\" is forbidden: {detail}"),
        };
        Self::new(403, Reason::Forbidden, message).with_details(Details::of(gvr, name))
    }

    /// 422 `Pod "x" is invalid: …` from a list of field errors (apierrors.NewInvalid).
    pub fn invalid(gvk: &Gvk, name: &str, errors: &[field::Error]) -> Self {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let mut seen = HashSet::new();
        let unique: Vec<&str> = texts.iter().map(String::as_str).filter(|text| seen.insert(*text)).collect();
        let list = match unique.as_slice() {
            [] => "<nil>".to_owned(),
            [one] => (*one).to_owned(),
            many => format!("[{}]", many.join(", ")),
        };
        let subject = if gvk.group.is_empty() { gvk.kind.clone() } else { format!("{}.{}", gvk.kind, gvk.group) };
        let causes = errors
            .iter()
            .map(|e| Cause { reason: e.reason.cause().to_owned(), message: e.body(), field: e.path.clone() })
            .collect();
        Self::new(422, Reason::Invalid, format!("{subject} \"{name}\" is invalid: {list}")).with_details(Details {
            name: name.to_owned(),
            group: gvk.group.clone(),
            kind: gvk.kind.clone(),
            causes,
            ..Details::default()
        })
    }

    /// 400 with this message.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, Reason::BadRequest, message)
    }

    /// 401 `Unauthorized`.
    pub fn unauthorized() -> Self {
        Self::new(401, Reason::Unauthorized, "Unauthorized")
    }

    /// 405 for a verb that the resource does not have.
    pub fn method_not_supported(gvr: &Gvr, action: &str) -> Self {
        Self::new(
            405,
            Reason::MethodNotAllowed,
            format!("{action} is not supported on resources of kind \"{}\"", gvr.group_resource()),
        )
        .with_details(Details::of(gvr, ""))
    }

    /// 500 `Internal error occurred: detail`.
    pub fn internal(detail: impl fmt::Display) -> Self {
        let detail = detail.to_string();
        Self::new(500, Reason::InternalError, format!("Internal error occurred: {detail}"))
            .with_cause(Cause { message: detail, ..Cause::default() })
    }

    /// 410 `Expired` with this message.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, Reason::Expired, message)
    }

    /// The HTTP status code.
    pub fn code(&self) -> u16 {
        self.0.code
    }

    /// The reason.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The details, where there are any.
    pub fn details(&self) -> Option<&Details> {
        self.0.details.as_ref()
    }

    /// The `Status` object as it goes over the wire.
    pub fn to_status(&self) -> Value {
        let inner = &*self.0;
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Failure", "message": inner.message, "code": inner.code,
        });
        if inner.reason != Reason::Unknown {
            status["reason"] = json!(format!("{:?}", inner.reason));
        }
        if !inner.list_continue.is_empty() {
            status["metadata"]["continue"] = json!(inner.list_continue);
        }
        if let Some(details) = &inner.details {
            status["details"] = details.to_value();
        }
        status
    }
}

impl Details {
    /// Details that name an object of a resource.
    pub fn of(gvr: &Gvr, name: &str) -> Self {
        Self { name: name.to_owned(), group: gvr.group.clone(), kind: gvr.resource.clone(), ..Self::default() }
    }

    /// The JSON form, empty fields left out.
    pub fn to_value(&self) -> Value {
        let mut out = serde_json::Map::new();
        for (key, text) in [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)] {
            if !text.is_empty() {
                out.insert(key.to_owned(), json!(text));
            }
        }
        if !self.causes.is_empty() {
            out.insert("causes".to_owned(), self.causes.iter().map(Cause::to_value).collect());
        }
        if self.retry_after_secs > 0 {
            out.insert("retryAfterSeconds".to_owned(), json!(self.retry_after_secs));
        }
        Value::Object(out)
    }
}

impl Cause {
    fn to_value(&self) -> Value {
        let fields = [("reason", &self.reason), ("message", &self.message), ("field", &self.field)];
        let present = fields.into_iter().filter(|(_, text)| !text.is_empty());
        Value::Object(present.map(|(key, text)| (key.to_owned(), json!(text))).collect())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ApiError {}
