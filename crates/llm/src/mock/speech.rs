//! The words of the three interfaces, as chunks for [`Reply::events`] and [`Feed::send`].
//!
//! A whole answer is [`begin`], any number of [`text`] and [`thought`], and [`end`].
//!
//! [`Feed::send`]: super::Feed::send

use serde_json::{Value, json};

use super::reply::Reply;
use crate::chat::{StopReason, Tokens};
use crate::spec::Provider;

/// A whole answer.
#[must_use]
pub fn answer(provider: Provider, said: &str, tokens: Tokens) -> Reply {
    Reply::events([
        begin(provider, tokens),
        text(provider, said),
        end(provider, StopReason::Complete, tokens),
    ])
}

/// What comes before the first word. Anthropic counts the input here.
#[must_use]
pub fn begin(provider: Provider, tokens: Tokens) -> String {
    match provider {
        Provider::OpenAi => openai(&json!({ "role": "assistant", "content": "" }), &Value::Null),
        Provider::Anthropic => {
            let usage = json!({ "input_tokens": tokens.input, "output_tokens": 1 });
            let message = json!({ "type": "message", "role": "assistant", "usage": usage });
            let block = json!({ "type": "text", "text": "" });
            event("message_start", &json!({ "message": message }))
                + &event("content_block_start", &json!({ "index": 0, "content_block": block }))
                + &event("ping", &json!({}))
        }
        Provider::Gemini => String::new(),
    }
}

/// Some text.
#[must_use]
pub fn text(provider: Provider, said: &str) -> String {
    match provider {
        Provider::OpenAi => openai(&json!({ "content": said }), &Value::Null),
        Provider::Anthropic => {
            let delta = json!({ "type": "text_delta", "text": said });
            event("content_block_delta", &json!({ "index": 0, "delta": delta }))
        }
        Provider::Gemini => gemini(&json!([{ "text": said }]), Value::Null, Value::Null),
    }
}

/// Some reasoning. With Anthropic it opens and closes a block of its own: before [`begin`]'s text it
/// is not possible.
#[must_use]
pub fn thought(provider: Provider, said: &str) -> String {
    match provider {
        Provider::OpenAi => openai(&json!({ "reasoning_content": said }), &Value::Null),
        Provider::Anthropic => {
            let thinking = json!({ "type": "thinking", "thinking": "", "signature": "" });
            let delta = json!({ "type": "thinking_delta", "thinking": said });
            let words = json!({ "type": "text", "text": "" });
            event("content_block_start", &json!({ "index": 1, "content_block": thinking }))
                + &event("content_block_delta", &json!({ "index": 1, "delta": delta }))
                + &event("content_block_stop", &json!({ "index": 1 }))
                + &event("content_block_start", &json!({ "index": 2, "content_block": words }))
        }
        Provider::Gemini => {
            gemini(&json!([{ "text": said, "thought": true }]), Value::Null, Value::Null)
        }
    }
}

/// The end.
#[must_use]
pub fn end(provider: Provider, stop: StopReason, tokens: Tokens) -> String {
    let reason = reason(provider, stop);
    match provider {
        Provider::OpenAi => {
            let usage = json!({
                "prompt_tokens": tokens.input,
                "completion_tokens": tokens.output,
                "total_tokens": tokens.input + tokens.output,
            });
            let usage = json!({ "object": "chat.completion.chunk", "choices": [], "usage": usage });
            openai(&json!({}), &reason) + &data(&usage) + "data: [DONE]\n\n"
        }
        Provider::Anthropic => {
            let usage = json!({ "output_tokens": tokens.output });
            let delta = json!({ "stop_reason": reason });
            event("content_block_stop", &json!({ "index": 0 }))
                + &event("message_delta", &json!({ "delta": delta, "usage": usage }))
                + &event("message_stop", &json!({}))
        }
        Provider::Gemini => {
            let usage = json!({
                "promptTokenCount": tokens.input,
                "candidatesTokenCount": tokens.output,
                "totalTokenCount": tokens.input + tokens.output,
            });
            gemini(&json!([{ "text": "" }]), reason, usage)
        }
    }
}

/// An error in the middle of a stream: the provider has too much to do.
#[must_use]
pub fn fault(provider: Provider, message: &str) -> String {
    match provider {
        Provider::OpenAi => {
            data(&json!({ "error": { "message": message, "type": "server_error" } }))
        }
        Provider::Anthropic => {
            let error = json!({ "type": "overloaded_error", "message": message });
            event("error", &json!({ "error": error }))
        }
        Provider::Gemini => {
            let error = json!({ "code": 503, "status": "UNAVAILABLE", "message": message });
            data(&json!({ "error": error }))
        }
    }
}

/// An answer that is none: the error of the provider with this status.
#[must_use]
pub fn refusal(provider: Provider, status: u16, message: &str) -> Reply {
    let body = match provider {
        Provider::OpenAi => json!({ "error": { "message": message, "type": "error" } }),
        Provider::Anthropic => {
            json!({ "type": "error", "error": { "type": "error", "message": message } })
        }
        Provider::Gemini => json!({ "error": { "code": status, "message": message } }),
    };
    Reply::json(status, &body)
}

fn reason(provider: Provider, stop: StopReason) -> Value {
    let names = match provider {
        Provider::OpenAi => ["stop", "length", "content_filter"],
        Provider::Anthropic => ["end_turn", "max_tokens", "refusal"],
        Provider::Gemini => ["STOP", "MAX_TOKENS", "SAFETY"],
    };
    let [complete, length, filtered] = names;
    Value::from(match stop {
        StopReason::Complete => complete,
        StopReason::Length => length,
        StopReason::Filtered => filtered,
    })
}

fn openai(delta: &Value, reason: &Value) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": reason });
    data(&json!({ "object": "chat.completion.chunk", "choices": [choice] }))
}

fn gemini(parts: &Value, reason: Value, usage: Value) -> String {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    if !reason.is_null() {
        candidate["finishReason"] = reason;
    }
    let mut chunk = json!({ "candidates": [candidate] });
    if !usage.is_null() {
        chunk["usageMetadata"] = usage;
    }
    data(&chunk)
}

fn event(name: &str, fields: &Value) -> String {
    let mut json = json!({ "type": name });
    for (field, value) in fields.as_object().into_iter().flatten() {
        json[field.as_str()] = value.clone();
    }
    format!("event: {name}\n{}", data(&json))
}

fn data(json: &Value) -> String {
    format!("data: {json}\n\n")
}
