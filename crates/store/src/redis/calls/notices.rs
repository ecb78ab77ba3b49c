//! What is live and may be missed.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::notices::{Notices, Presence, Service, Signal, Signals};
use crate::redis::{PATIENCE, Redis, names};
use crate::wire;

#[async_trait]
impl Notices for Redis {
    async fn publish(&self, batch: Vec<Signal>) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut calls = redis::pipe();
        for signal in batch {
            let channel = names::signals(signal.run().lane());
            calls.cmd("PUBLISH").arg(channel).arg(wire::signal::encode(&signal));
        }
        self.0.ask_all("publish", &calls, PATIENCE).await.map(|_| ())
    }

    async fn subscribe(&self) -> Result<Box<dyn Signals>, StoreError> {
        let read = |bytes: &[u8]| wire::signal::decode(bytes).ok();
        Ok(Box::new(self.0.signals.listen("subscribe", self.0.owner(), read).await?))
    }

    async fn announce(&self, presence: Presence, ttl: Duration) -> Result<(), StoreError> {
        let mut call = self.0.function("announce");
        call.arg(&presence.name).arg(ttl.as_millis().max(1).to_string());
        call.arg(presence.service.as_str()).arg(wire::presence::encode(&presence));
        self.0.ask("announce", &call).await
    }

    async fn retire(&self, name: &str) -> Result<(), StoreError> {
        let mut call = self.0.function("retire");
        call.arg(name);
        self.0.ask("retire", &call).await
    }

    async fn present(&self, service: Service) -> Result<Vec<Presence>, StoreError> {
        let mut call = self.0.function("present");
        call.arg(service.as_str());
        let found: Vec<Vec<u8>> = self.0.ask("see who is present", &call).await?;
        // One of a newer version offers what this one cannot use.
        let read = |bytes: &Vec<u8>| {
            let read = wire::presence::decode(bytes);
            read.inspect_err(|error| tracing::warn!(%error, "a process is not understood")).ok()
        };
        Ok(found.iter().filter_map(read).collect())
    }
}
