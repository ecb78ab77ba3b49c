//! What every Sortie process shares: configuration, telemetry, its parts, ports and end. No business
//! logic.

pub mod arguments;
pub mod config;
pub mod health;
pub mod parts;
pub mod process;
pub mod serving;
pub mod shutdown;
pub mod telemetry;
