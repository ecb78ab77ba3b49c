//! What a coordinator's server offers: the front door, health, reflection.

use sortie_proto::v1::coordinator_server::CoordinatorServer;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::Front;

/// The largest message, both ways: what peers accept without being told.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// Health of the process: serving as long as it answers. What a liveness probe asks for.
const LIVENESS: &str = "liveness";
/// Health of the service: serving while it can take goals. What a readiness probe asks for; the
/// same under no name and under the name of the service, as the protocol has it.
const READINESS: [&str; 3] = ["readiness", "", "sortie.v1.Coordinator"];

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

/// Says whether the coordinator can take goals. It begins as not ready.
#[derive(Clone)]
pub struct Readiness {
    reporter: HealthReporter,
}

impl Readiness {
    /// Tells whoever asks from now on, and whoever watches.
    pub async fn set(&self, is_ready: bool) {
        let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in READINESS {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// All services of a coordinator, for a server to put between its layers and its socket.
///
/// # Errors
/// If the contract's descriptors cannot be read, which a build would have to have broken.
pub async fn services(
    front: Front,
    options: ServiceOptions,
) -> Result<(Routes, Readiness), tonic_reflection::server::Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(LIVENESS, ServingStatus::Serving).await;
    let readiness = Readiness { reporter };
    readiness.set(false).await;
    let front = CoordinatorServer::new(front)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let mut routes = Routes::new(front).add_service(health);
    if options.reflection {
        // Older clients know v1alpha only.
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(sortie_proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        routes =
            routes.add_service(reflection().build_v1()?).add_service(reflection().build_v1alpha()?);
    }
    Ok((routes.prepare(), readiness))
}
