//! What a coordinator's server offers: the front door, health, reflection.

use sortie_service::health::{Readiness, health};
use sortie_service::serving::{HostError, describe};
use tonic::server::NamedService as _;
use tonic::service::Routes;

use super::Door;

/// What is offered beside the front door.
#[derive(Debug, Clone, Copy)]
pub struct ServiceOptions {
    /// Whether clients may ask for the contract: convenient, and a map for whoever should have none.
    pub reflection: bool,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self { reflection: true }
    }
}

/// All services of a coordinator, for a server to put between its layers and its socket. They begin
/// as not ready.
///
/// # Errors
/// If the contract's descriptors cannot be read, which a build would have to have broken.
pub async fn services(
    door: impl Into<Door>,
    options: ServiceOptions,
) -> Result<(Routes, Readiness), HostError> {
    let (readiness, health) = health(&[Door::NAME]).await;
    let mut routes = Routes::new(door.into()).add_service(health);
    if options.reflection {
        routes = describe(routes, sortie_proto::DESCRIPTORS, &[Door::NAME])?;
    }
    Ok((routes.prepare(), readiness))
}
