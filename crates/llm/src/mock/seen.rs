//! A request as the server saw it.

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `GET` or `POST`.
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: Vec<u8>,
}

impl Seen {
    /// A header by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The body, or null where it is no JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Reads one request; nothing where it is none, or the client leaves before it is whole.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            more(from, &mut bytes).await?;
            // TLS begins otherwise, and waits for an answer.
            if !bytes.first().is_some_and(u8::is_ascii_uppercase) {
                return None;
            }
        };
        let mut seen = Self::of_head(&String::from_utf8_lossy(&bytes[..head]))?;
        let length = seen.header("content-length").and_then(|length| length.parse().ok());
        let end = head + 4 + length.unwrap_or(0_usize);
        while bytes.len() < end {
            more(from, &mut bytes).await?;
        }
        seen.body = bytes[head + 4..end].to_vec();
        Some(seen)
    }

    fn of_head(head: &str) -> Option<Self> {
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        };
        Some(Self { method, path, headers: lines.filter_map(header).collect(), body: Vec::new() })
    }
}

async fn more(from: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Option<()> {
    (from.read_buf(bytes).await.ok()? > 0).then_some(())
}
