//! The `sortie` program with a `search` that goes wrong in the way its subject names, so that goals
//! of the offline planner can meet odd tools:
//!
//! | Subject | What the search does |
//! |---|---|
//! | `Gate` | connects to the address in `ODD_GATE` and waits for a byte; dropped, it hangs up |
//! | `Panic` | panics |
//! | `Flood` | returns ten mebibytes |
//! | `Later` | asks to be left alone for five minutes |
//! | another | finds what the real one finds |

use std::process::ExitCode;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use sortie_engine::{Failure, FailureKind, ToolSpec};
use sortie_worker::{Call, Documents, Registry, Tool, tools::Search};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

fn main() -> ExitCode {
    sortie_cli::main_with(|registry| {
        *registry = Registry::new();
        let search = Search::new(Documents::builtin()).expect("the description of a built-in tool");
        registry.register(OddSearch(search))?;
        Ok(())
    })
}

struct OddSearch(Search);

#[async_trait]
impl Tool for OddSearch {
    fn spec(&self) -> ToolSpec {
        ToolSpec { timeout: Duration::from_secs(600), ..self.0.spec() }
    }

    async fn call(&self, mut input: Value, call: &Call) -> Result<Value, Failure> {
        match input["subject"].as_str() {
            Some("Gate") => {
                pass_gate().await.map_err(|error| {
                    Failure::new(FailureKind::ToolFailed, format!("the gate is gone: {error}"))
                })?;
                input = json!({"query": "Rust", "subject": "Rust"});
            }
            Some("Panic") => panic!("as the subject says"),
            Some("Flood") => return Ok(json!("x".repeat(10 << 20))),
            Some("Later") => {
                let failure = Failure::new(FailureKind::RateLimited, "as the subject says");
                return Err(Failure { retry_after: Some(Duration::from_secs(300)), ..failure });
            }
            _ => {}
        }
        self.0.call(input, call).await
    }
}

async fn pass_gate() -> std::io::Result<()> {
    let address = std::env::var("ODD_GATE").map_err(std::io::Error::other)?;
    TcpStream::connect(address).await?.read_u8().await?;
    Ok(())
}
