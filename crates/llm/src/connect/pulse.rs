//! Signs of life: what the wire shows and genai does not.
//!
//! genai drops comments (`: ping`), chunks that name only a role, refusals and the reason why a
//! prompt was blocked. It shows each frame to a sink, though, before it reads it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use genai::chat::{ChatFrameSink, FrameCtx, RawFrameRef};
use serde_json::Value;

/// What was seen of one stream. The sink and the reader run in the same task, one inside the other.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    frames: AtomicU64,
    data: AtomicBool,
    refused: AtomicBool,
}

impl Pulse {
    /// How many frames came, comments included.
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Whether any of them was an event with data.
    pub(super) fn had_data(&self) -> bool {
        self.data.load(Ordering::Relaxed)
    }

    /// Whether the model or a filter refused.
    pub(super) fn refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

impl ChatFrameSink for Pulse {
    fn on_frame(&self, _: &FrameCtx, frame: RawFrameRef<'_>) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        if !frame.data.is_empty() {
            self.data.store(true, Ordering::Relaxed);
        }
        // Only what may hold a refusal is read a second time.
        if ["\"refusal\"", "\"blockReason\""].iter().any(|word| frame.data.contains(word))
            && frame.json().is_some_and(|json| refuses(&json))
        {
            self.refused.store(true, Ordering::Relaxed);
        }
    }
}

fn refuses(frame: &Value) -> bool {
    ["/choices/0/delta/refusal", "/promptFeedback/blockReason"]
        .iter()
        .any(|path| frame.pointer(path).and_then(Value::as_str).is_some_and(|why| !why.is_empty()))
}
