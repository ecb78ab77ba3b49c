//! Tools whose results can be made again from their inputs, one for each effect class and one with
//! large results. Each writes down that it began and how it ended.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use sortie_engine::{Effect, Failure, FailureKind, QueueName, Schema, ToolName, ToolSpec};
use sortie_worker::{Call, Registry, RegistryError, Tool};

use super::ledger::{Fact, Ledger, hash};

/// Where the ledger's files are.
pub const LEDGER: &str = "SORTIE_CHAOS_LEDGER";
/// The queue of these tools.
pub const QUEUE: &str = "chaos";
/// What a tool says that fails because its input wants it to.
pub const TOLD: &str = "as it was told";
/// Above what travels with a report.
const PADDING: usize = 6_000;

/// What a step does to the world.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing; the same input has the same result.
    Pure,
    /// It looks at the world.
    Read,
    /// It may be repeated.
    Idempotent,
    /// It must not be repeated.
    Once,
    /// Nothing; its result names the execution and does not fit into a report.
    Large,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pure, Self::Read, Self::Idempotent, Self::Once, Self::Large];

    /// The tool's name.
    #[must_use]
    pub const fn tool(self) -> &'static str {
        match self {
            Self::Pure => "chaos_pure",
            Self::Read => "chaos_read",
            Self::Idempotent => "chaos_idempotent",
            Self::Once => "chaos_once",
            Self::Large => "chaos_large",
        }
    }

    /// What running it means.
    #[must_use]
    pub const fn effect(self) -> Effect {
        match self {
            Self::Pure => Effect::Pure,
            Self::Read | Self::Large => Effect::Read,
            Self::Idempotent => Effect::Idempotent,
            Self::Once => Effect::Once,
        }
    }

    /// The kind of a tool's name.
    #[must_use]
    pub fn of(tool: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.tool() == tool)
    }

    /// The text of the result for what it was to say.
    #[must_use]
    pub fn text(self, say: &str) -> String {
        format!("{}:{}", self.tool(), hash(say))
    }
}

/// Adds the tools to a program.
///
/// # Errors
/// If the program has one of this name.
///
/// # Panics
/// If the ledger cannot be opened: without it a tool must not run.
pub fn register(registry: &mut Registry) -> Result<(), RegistryError> {
    let folder = std::env::var_os(LEDGER).map(PathBuf::from);
    let ledger = folder.map(|folder| Ledger::open(&folder).expect("open the ledger"));
    for kind in Kind::ALL {
        registry.register(ChaosTool { kind, ledger: ledger.clone() })?;
    }
    Ok(())
}

struct ChaosTool {
    kind: Kind,
    /// Nothing in a process that only describes its tools.
    ledger: Option<Ledger>,
}

#[async_trait]
impl Tool for ChaosTool {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: ToolName::new(self.kind.tool()),
            description: "Does as it is told, for tests.".to_owned(),
            input: schema(json!({
                "type": "object",
                "required": ["say"],
                "additionalProperties": false,
                "properties": {
                    "say": {"type": "string"},
                    "ms": {"type": "integer", "minimum": 0},
                    "failures": {"type": "integer", "minimum": 0},
                    "hopeless": {"type": "boolean"},
                },
            })),
            output: Some(schema(json!({
                "type": "object",
                "required": ["text"],
                "properties": {"text": {"type": "string"}},
            }))),
            effect: self.kind.effect(),
            queue: QueueName::new(QUEUE),
            timeout: Duration::from_secs(120),
            max_result_bytes: 1 << 20,
            calls_model: false,
        }
    }

    async fn call(&self, input: Value, call: &Call) -> Result<Value, Failure> {
        let ledger = self.ledger.as_ref().expect("a worker of this test has a ledger");
        let say = input["say"].as_str().unwrap_or_default();
        let execution = ledger.begin(call, self.kind.tool(), say);
        tokio::time::sleep(Duration::from_millis(input["ms"].as_u64().unwrap_or(0))).await;
        let failed = if input["hopeless"] == true {
            Some(FailureKind::ToolFailed)
        } else if u64::from(call.attempt.get()) <= input["failures"].as_u64().unwrap_or(0) {
            Some(FailureKind::Unavailable)
        } else {
            None
        };
        if let Some(kind) = failed {
            execution.end(Fact::Failed { kind: kind.as_str().to_owned() });
            return Err(Failure::new(kind, TOLD));
        }
        let text = self.kind.text(say);
        let result = match self.kind {
            Kind::Large => {
                let by = format!("{:016x}", execution.name());
                json!({ "text": text, "by": by, "padding": "x".repeat(PADDING) })
            }
            _ => json!({ "text": text }),
        };
        execution.end(Fact::Ended { hash: hash(&result.to_string()) });
        Ok(result)
    }
}

fn schema(source: Value) -> Schema {
    Schema::parse(source).expect("a schema that is written down here")
}
