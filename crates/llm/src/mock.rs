//! A server that plays a provider, for tests: HTTP/1.1 by hand, so that every byte, and the end of
//! the connection, comes exactly when a test wants it.
//!
//! ```
//! # use sortie_llm::{Key, ModelSpec, Provider, Purpose, Request, complete, connect, mock};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), sortie_llm::ModelError> {
//! let server = mock::Server::start().await;
//! server.reply(mock::answer(Provider::Anthropic, "hello", Default::default()));
//! let mut spec = ModelSpec::new(Provider::Anthropic);
//! spec.base_url = Some(server.base_url());
//! spec.model = Some("claude".to_owned());
//! let model = connect(spec)?;
//! # let request = Request {
//! #     purpose: Purpose::Check, system: String::new(), examples: Vec::new(),
//! #     user: String::new(), shape: None,
//! #     max_tokens: None,
//! # };
//! let (text, _) = complete(&*model, request, 1_000).await?;
//! assert_eq!(text, "hello");
//! assert_eq!(server.requests()[0].path, "/v1/messages");
//! # Ok(())
//! # }
//! ```
//!
//! Ports are given by the system, nothing sleeps, and a server that is dropped closes all its
//! connections. Nothing here is for anything but tests: what fails panics.

mod reply;
mod seen;
mod server;
mod speech;

pub use reply::{Feed, Reply};
pub use seen::Seen;
pub use server::Server;
pub use speech::{answer, begin, end, fault, refusal, text, thought};
