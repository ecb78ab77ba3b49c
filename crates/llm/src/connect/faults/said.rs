//! What the body of a fault says, in whichever form a provider, a server at home or a gateway says
//! it, and which kind of fault that is.

use std::time::Duration;

use serde_json::Value;

use super::retry_after;
use crate::error::ErrorKind;

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// For people.
    pub(super) message: Option<String>,
    /// Types, codes and states, in lower case.
    codes: Vec<String>,
    /// The status that the body names.
    status: Option<u16>,
    /// How long to wait, where the body says it.
    pub(super) retry_after: Option<Duration>,
    /// The message in lower case, to look for words.
    lower: String,
}

impl Said {
    /// Reads a body as it came.
    pub(super) fn of_body(body: &str) -> Self {
        match serde_json::from_str::<Value>(body) {
            Ok(json) => Self::of_json(&json),
            Err(_) if body.trim_start().starts_with('<') => {
                Self::of_message("a page of HTML, as a proxy or a web server sends")
            }
            Err(_) if body.trim().is_empty() => Self::default(),
            Err(_) => Self::of_message(body),
        }
    }

    /// Reads one of `{"error": {…}}`, its inside, `{"error": "…"}`, `{"message": …}`,
    /// `{"detail": …}`, or a list of them.
    pub(super) fn of_json(json: &Value) -> Self {
        let json = json.get(0).unwrap_or(json);
        let error = json.get("error").unwrap_or(json);
        let message = [error, &error["message"], &error["detail"], &json["message"]];
        let mut said = message.iter().find_map(|it| it.as_str()).map(Self::of_message);
        if said.is_none() && !error.is_null() {
            said = Some(Self::of_message(&error.to_string()));
        }
        let mut said = said.unwrap_or_default();
        for name in ["type", "code", "status"] {
            match &error[name] {
                Value::String(code) => said.codes.push(code.to_lowercase()),
                Value::Number(code) => {
                    said.status = code.as_u64().and_then(|code| u16::try_from(code).ok());
                }
                _ => {}
            }
        }
        for detail in error["details"].as_array().into_iter().flatten() {
            if let Some(reason) = detail["reason"].as_str() {
                said.codes.push(reason.to_lowercase());
            }
            if let Some(delay) = detail["retryDelay"].as_str() {
                said.retry_after = retry_after::of_text(delay);
            }
        }
        said
    }

    fn of_message(message: &str) -> Self {
        let lower = message.to_lowercase();
        Self { message: Some(message.to_owned()), lower, ..Self::default() }
    }

    /// Which kind of fault it is. Without a status of HTTP it came in the middle of a stream.
    pub(super) fn kind(&self, status: Option<u16>) -> ErrorKind {
        let status = status.or(self.status).filter(|status| *status >= 300);
        // Client errors only: an overloaded server may well speak of a quota or of tokens.
        let refused = status.is_none_or(|status| status < 500);
        if refused && self.is_used_up() {
            return ErrorKind::QuotaExhausted;
        }
        if self.has_code(&["api_key_invalid", "invalid_api_key"]) {
            return ErrorKind::Unauthorized;
        }
        if matches!(status, Some(400 | 413 | 422) | None) && self.is_too_long() {
            return ErrorKind::TooLong;
        }
        match status {
            Some(401 | 403 | 407) => ErrorKind::Unauthorized,
            Some(402) => ErrorKind::QuotaExhausted,
            Some(404 | 405 | 410 | 300..=399) => ErrorKind::NotFound,
            Some(413) => ErrorKind::TooLong,
            Some(429) => ErrorKind::RateLimited,
            Some(408 | 409 | 425 | 500..) => ErrorKind::Overloaded,
            Some(_) => ErrorKind::BadRequest,
            None => self.kind_of_codes(),
        }
    }

    fn kind_of_codes(&self) -> ErrorKind {
        const KINDS: [(ErrorKind, &[&str]); 4] = [
            (
                ErrorKind::RateLimited,
                &["rate_limit_error", "rate_limit_exceeded", "resource_exhausted"],
            ),
            (
                ErrorKind::Unauthorized,
                &["authentication_error", "permission_error", "permission_denied"],
            ),
            (ErrorKind::NotFound, &["not_found_error", "not_found", "model_not_found"]),
            (
                ErrorKind::BadRequest,
                &["invalid_request_error", "invalid_argument", "bad_request", "badrequesterror"],
            ),
        ];
        let named = KINDS.iter().find(|(_, codes)| self.has_code(codes));
        named.map_or(ErrorKind::Overloaded, |(kind, _)| *kind)
    }

    /// Whether the account has no money or quota left: waiting does not help.
    fn is_used_up(&self) -> bool {
        self.has_code(&["insufficient_quota", "billing_hard_limit_reached", "billing_error"])
            || self.speaks_of(&["credit balance is too low", "insufficient credits"])
    }

    /// Whether the prompt is longer than the model reads.
    fn is_too_long(&self) -> bool {
        self.has_code(&["context_length_exceeded", "exceed_context_size_error"])
            || self.speaks_of(&[
                "maximum context length",
                "available context size",
                "context window",
                "prompt is too long",
                "input is too long",
                "too many tokens",
                "exceeds the maximum number of tokens",
            ])
    }

    /// Whether it is the shape that is not taken.
    pub(super) fn is_about_shape(&self) -> bool {
        self.speaks_of(&[
            "response_format",
            "response format",
            "response_mime_type",
            "json mode",
            "schema",
            "grammar",
            "structured output",
            "output_config",
            "output_format",
            "guided",
        ])
    }

    /// Whether it is the model that is not found, and not the address.
    pub(super) fn is_about_model(&self) -> bool {
        self.has_code(&["model_not_found", "not_found_error"]) || self.speaks_of(&["model"])
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        self.codes.iter().any(|code| codes.contains(&code.as_str()))
    }

    fn speaks_of(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.lower.contains(phrase))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        for body in [
            r#"{"error":{"message":"no","type":"x"}}"#,
            r#"{"message":"no","code":"x"}"#,
            r#"{"error":"no"}"#,
            r#"[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]"#,
            r#"{"type":"error","error":{"type":"x","message":"no"}}"#,
            r#"{"detail":"no"}"#,
            r#"{"object":"error","message":"no","code":400}"#,
            "no",
        ] {
            assert_eq!(Said::of_body(body).message.as_deref(), Some("no"), "{body}");
        }
        let html = Said::of_body("<html><body>502</body></html>").message.unwrap();
        assert!(html.contains("HTML"), "{html}");
        assert_eq!(Said::of_body(" ").message, None);
    }

    #[test]
    fn the_kind_is_told_by_status_code_and_words() {
        use ErrorKind::*;
        for (status, body, kind) in [
            (400, r#"{"error":{"message":"no such field"}}"#, BadRequest),
            (400, r#"{"error":{"code":"context_length_exceeded","message":"…"}}"#, TooLong),
            (400, "This model's maximum context length is 8192 tokens", TooLong),
            (400, r#"{"error":{"type":"exceed_context_size_error","code":400}}"#, TooLong),
            (400, "prompt is too long: 210000 tokens > 200000 maximum", TooLong),
            (400, "Your credit balance is too low to access the API", QuotaExhausted),
            (400, r#"{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}"#, Unauthorized),
            (401, "", Unauthorized),
            (402, "", QuotaExhausted),
            (403, "", Unauthorized),
            (404, "", NotFound),
            (413, "", TooLong),
            (422, "", BadRequest),
            (429, r#"{"error":{"type":"insufficient_quota","message":"…"}}"#, QuotaExhausted),
            (429, "", RateLimited),
            (308, "", NotFound),
            (500, "too many tokens in flight", Overloaded),
            (529, "", Overloaded),
        ] {
            assert_eq!(Said::of_body(body).kind(Some(status)), kind, "{status} {body}");
        }
    }

    #[test]
    fn the_kind_of_an_error_in_a_stream_is_told_by_its_code() {
        use ErrorKind::*;
        for (body, kind) in [
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"o"}}"#, Overloaded),
            (r#"{"error":{"type":"rate_limit_error","message":"slow"}}"#, RateLimited),
            (r#"{"message":"bad","type":"invalid_request_error"}"#, BadRequest),
            (r#"{"error":{"type":"authentication_error"}}"#, Unauthorized),
            (r#"{"message":"used up","code":"insufficient_quota"}"#, QuotaExhausted),
            (r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#, Overloaded),
            (r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#, RateLimited),
            (r#"{"message":"prompt is too long"}"#, TooLong),
            (r#""something""#, Overloaded),
        ] {
            assert_eq!(Said::of_body(body).kind(None), kind, "{body}");
        }
    }

    #[test]
    fn a_wish_for_a_pause_is_read_from_the_body() {
        let body = r#"{"error":{"code":429,"details":[{"retryDelay":"34s"}]}}"#;
        assert_eq!(Said::of_body(body).retry_after, Some(Duration::from_secs(34)));
    }
}
