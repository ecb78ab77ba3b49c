//! What is live and may be missed.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::embedded::{Embedded, hold};
use crate::error::StoreError;
use crate::notices::{Notices, Presence, Service, Signal, Signals};

#[async_trait]
impl Notices for Embedded {
    async fn publish(&self, batch: Vec<Signal>) -> Result<(), StoreError> {
        self.signals.publish(batch);
        Ok(())
    }

    async fn subscribe(&self) -> Result<Box<dyn Signals>, StoreError> {
        Ok(Box::new(self.signals.subscribe()))
    }

    async fn announce(&self, presence: Presence, ttl: Duration) -> Result<(), StoreError> {
        hold(&self.attendance, "announce")?.announce(presence, ttl, Instant::now());
        Ok(())
    }

    async fn retire(&self, name: &str) -> Result<(), StoreError> {
        hold(&self.attendance, "retire")?.retire(name);
        Ok(())
    }

    async fn present(&self, service: Service) -> Result<Vec<Presence>, StoreError> {
        let mut present = hold(&self.attendance, "see who is present")?.present(Instant::now());
        present.retain(|process| process.service == service);
        Ok(present)
    }
}
