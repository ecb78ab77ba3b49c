//! What every Sortie process shares: configuration, telemetry, shutdown. No business logic.

pub mod config;
pub mod shutdown;
pub mod telemetry;
