//! The front door as a server has it: closed until the coordinator stands, then open. A process is
//! asked from its first moment on, and its store may come later.

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use sortie_engine::{Failure, FailureKind};
use sortie_proto::failure::status;
use sortie_proto::v1::coordinator_server::CoordinatorServer;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService;

use super::Front;
use super::refusal::COME_BACK;

/// The largest message, both ways: what peers accept without being told.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// A door that is opened once; its clones are the same door.
#[derive(Clone, Default)]
pub struct Door(Arc<OnceLock<CoordinatorServer<Front>>>);

impl Door {
    /// Whoever comes is told to come back.
    #[must_use]
    pub fn closed() -> Self {
        Self::default()
    }

    /// Lets everybody in from now on. A door that is open stays as it is.
    pub fn open(&self, front: Front) {
        self.0.get_or_init(|| {
            CoordinatorServer::new(front)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES)
        });
    }
}

impl From<Front> for Door {
    fn from(front: Front) -> Self {
        let door = Self::closed();
        door.open(front);
        door
    }
}

impl NamedService for Door {
    const NAME: &'static str = <CoordinatorServer<Front> as NamedService>::NAME;
}

impl Service<http::Request<Body>> for Door {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match self.0.get() {
            Some(front) => front.clone().call(request),
            None => {
                let failure = Failure {
                    kind: FailureKind::Unavailable,
                    message: "this coordinator waits for its store".to_owned(),
                    retry_after: Some(COME_BACK),
                };
                Box::pin(ready(Ok(status(&failure).into_http())))
            }
        }
    }
}
