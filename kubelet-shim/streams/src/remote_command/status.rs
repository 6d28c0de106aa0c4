//! The last word of a session: how the process ended, as Kubernetes writes it on the error stream.

use serde_json::{Value, json};

/// How a process, or the attempt to run it, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// With code 0, or attach was detached.
    Success,
    /// With another code.
    Code {
        /// 1 to 255.
        code: i32,
        /// For humans; the runtime's own words.
        message: String,
    },
    /// It could not run.
    Failed {
        /// For humans.
        message: String,
    },
}

impl Exit {
    /// The `Status` of protocol version 4 and later.
    pub fn to_status(&self) -> Value {
        match self {
            Self::Success => json!({"metadata": {}, "status": "Success"}),
            Self::Code { code, message } => json!({
                "metadata": {}, "status": "Failure", "message": message, "reason": "NonZeroExitCode",
                "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
            }),
            Self::Failed { message } => json!({
                "metadata": {}, "status": "Failure", "message": format!("Internal error occurred: {message}"),
                "reason": "InternalError", "details": {"causes": [{"message": message}]}, "code": 500,
            }),
        }
    }

    /// Reads what a version 4 server wrote on the error stream. Nothing at all means that the connection broke.
    pub fn from_status(bytes: &[u8]) -> Self {
        let Ok(status) = serde_json::from_slice::<Value>(bytes) else {
            let text = String::from_utf8_lossy(bytes);
            let message = if text.is_empty() { "the runtime closed the stream without a status".into() } else { text };
            return Self::Failed { message: message.into_owned() };
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let causes = status["details"]["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let code = causes.iter().find(|c| c["reason"] == "ExitCode").and_then(|c| c["message"].as_str()?.parse().ok());
        match (status["status"].as_str(), code) {
            (Some("Success"), _) => Self::Success,
            (_, Some(code)) => Self::Code { code, message: text(&status["message"]) },
            _ => {
                let message = text(&status["message"]);
                let inner = message.strip_prefix("Internal error occurred: ").map(str::to_owned);
                Self::Failed { message: inner.unwrap_or(message) }
            }
        }
    }

    /// The bytes for the error stream: JSON, or for clients before version 4 a text, empty on success.
    pub(super) fn encode(&self, json_status: bool) -> Vec<u8> {
        match self {
            _ if json_status => self.to_status().to_string().into_bytes(),
            Self::Success => Vec::new(),
            Self::Code { message, .. } => message.clone().into_bytes(),
            Self::Failed { .. } => text_of(&self.to_status()),
        }
    }
}

fn text_of(status: &Value) -> Vec<u8> {
    status["message"].as_str().unwrap_or_default().as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_survives_its_status() {
        for exit in [
            Exit::Success,
            Exit::Code { code: 3, message: "command terminated with non-zero exit code: x".into() },
            Exit::Failed { message: "no such file".into() },
        ] {
            assert_eq!(Exit::from_status(&exit.encode(true)), exit);
        }
    }

    #[test]
    fn clients_before_version_4_get_texts() {
        let check = |exit: Exit, expected: &str| assert_eq!(String::from_utf8(exit.encode(false)).unwrap(), expected);
        check(Exit::Success, "");
        check(Exit::Code { code: 3, message: "exit 3".into() }, "exit 3");
        check(Exit::Failed { message: "boom".into() }, "Internal error occurred: boom");
    }

    #[test]
    fn a_broken_error_stream_is_a_failure() {
        assert!(matches!(Exit::from_status(b""), Exit::Failed { .. }));
        assert!(matches!(Exit::from_status(b"{\"status\":\"Fail"), Exit::Failed { .. }));
        assert!(matches!(Exit::from_status(b"[]"), Exit::Failed { .. }));
    }
}
