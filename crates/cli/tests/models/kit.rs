//! What all of these tests need: the program beside a server, a plan in a model's words, and what a
//! request says.

use std::process::Command;

use futures_util::future::join_all;
use serde_json::{Value, json};
pub(crate) use sortie_llm::Purpose;
use sortie_llm::mock::{self, Reply, Seen, Server};
use sortie_llm::{Provider, Tokens};
use tokio::task::spawn_blocking;

use crate::process::{self, Finished, Running};

/// The key of the played servers.
pub(crate) const KEY: &str = "sk-played-0f6b2c9d-key";
/// The model that they have.
pub(crate) const MODEL: &str = "played-large";
/// What each call uses.
pub(crate) const TOKENS: Tokens = Tokens { input: 100, output: 20 };
/// A goal that no document is about.
pub(crate) const GOAL: &str = "What is six times seven, and twice that?";
/// A program that hangs ends by itself, and the test with it.
const TIMEOUT: [&str; 2] = ["--timeout", "60s"];

/// Tells a story once for each interface, all at once.
pub(crate) async fn each<F: Future<Output = ()>>(story: impl Fn(Provider) -> F) {
    join_all(Provider::ALL.map(story)).await;
}

/// The program, with nothing of this environment.
pub(crate) fn sortie(arguments: &[&str]) -> Command {
    process::program(env!("CARGO_BIN_EXE_sortie"), arguments)
}

/// The program, whose only model is behind this server.
pub(crate) fn beside(server: &Server, provider: Provider, arguments: &[&str]) -> Command {
    let mut command = sortie(arguments);
    command.args(["--model-provider", provider.as_str()]).env("SORTIE_MODEL", MODEL);
    command.env("SORTIE_MODEL_BASE_URL", server.base_url()).env("SORTIE_MODEL_API_KEY", KEY);
    command
}

/// `sortie run --json` with [`GOAL`].
pub(crate) fn run(server: &Server, provider: Provider, more: &[&str]) -> Command {
    let mut command = beside(server, provider, &["run", "--json", GOAL]);
    command.args(TIMEOUT).args(more);
    command
}

/// `sortie run` for people.
pub(crate) fn told(server: &Server, provider: Provider) -> Command {
    let mut command = beside(server, provider, &["run", GOAL]);
    command.args(TIMEOUT);
    command
}

/// Runs a command to its end.
pub(crate) async fn finish(mut command: Command) -> Finished {
    spawn_blocking(move || process::finish(&mut command)).await.unwrap()
}

/// A program under way.
pub(crate) struct Program(Running);

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        Self(Running::start(&mut command))
    }

    /// The lines of `--json` up to the first of this type.
    pub(crate) async fn until(self, wanted: &'static str) -> (Self, Vec<Value>) {
        let read = move || {
            let (mut running, mut lines) = (self.0, Vec::new());
            while lines.last().is_none_or(|line: &Value| line["type"] != wanted) {
                let line = running.line();
                assert!(!line.is_empty(), "no {wanted} among {lines:#?}");
                lines.push(serde_json::from_str(&line).unwrap());
            }
            (Self(running), lines)
        };
        spawn_blocking(read).await.unwrap()
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.0.interrupt();
    }

    pub(crate) async fn finish(self) -> Finished {
        spawn_blocking(move || self.0.finish()).await.unwrap()
    }
}

impl Finished {
    /// The last line of `--json`.
    pub(crate) fn result(&self) -> Value {
        self.json().pop().unwrap_or_else(|| panic!("no result: {self:?}"))
    }

    /// The lines of one type.
    pub(crate) fn lines(&self, wanted: &str) -> Vec<Value> {
        self.json().into_iter().filter(|line| line["type"] == wanted).collect()
    }

    /// The message of a run that failed.
    pub(crate) fn message(&self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        let result = self.result();
        assert_eq!(result["state"], "failed", "{result}");
        result["error"]["message"].as_str().unwrap().to_owned()
    }

    /// The answer of a run that succeeded.
    pub(crate) fn answer(&self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        let result = self.result();
        assert_eq!((&result["state"], &result["error"]), (&json!("succeeded"), &Value::Null));
        result["answer"].as_str().unwrap().to_owned()
    }
}

/// A step as models write it.
pub(crate) fn step(number: u32, tool: &str, input: &Value, depends_on: &[u32]) -> Value {
    json!({
        "step_number": number,
        "description": format!("{tool} as step {number}"),
        "tool": tool,
        "tool_input": input,
        "depends_on": depends_on,
    })
}

/// A step that works something out.
pub(crate) fn calculate(number: u32, expression: &str, depends_on: &[u32]) -> Value {
    step(number, "calculate", &json!({ "expression": expression }), depends_on)
}

/// The plan of these steps.
pub(crate) fn plan(steps: &[Value]) -> String {
    json!({ "steps": steps }).to_string()
}

/// The plan for [`GOAL`].
pub(crate) fn good_plan() -> String {
    plan(&[calculate(1, "6 * 7", &[]), calculate(2, "{{1.value}} * 2", &[1])])
}

/// A whole answer of the model.
pub(crate) fn says(provider: Provider, text: &str) -> Reply {
    mock::answer(provider, text, TOKENS)
}

/// What a call is for, by what the program's own prompts say.
pub(crate) fn purpose(seen: &Seen) -> Purpose {
    const BEGINNINGS: [(&str, Purpose); 7] = [
        ("A plan for the goal below was wrong:", Purpose::Repair),
        ("A plan for the goal below was carried out", Purpose::Replan),
        ("You plan how to reach a goal. ", Purpose::Plan),
        ("You answer a goal", Purpose::Answer),
        ("You write summaries.", Purpose::Summarize),
        ("You answer one question", Purpose::Ask),
        ("You fill in a JSON object", Purpose::Extract),
    ];
    let said = said(seen);
    let found = BEGINNINGS.iter().find(|(beginning, _)| said.contains(beginning));
    found.unwrap_or_else(|| panic!("what is this for? {said}")).1
}

/// What the model is told beside the examples: what it is to be, and the last thing that a user says.
pub(crate) fn said(seen: &Seen) -> String {
    fn texts(value: &Value, all: &mut String) {
        match value {
            Value::String(text) => *all += &format!("{text}\n"),
            Value::Array(items) => items.iter().for_each(|item| texts(item, all)),
            Value::Object(fields) => fields.values().for_each(|field| texts(field, all)),
            _ => {}
        }
    }
    let mut request = seen.json();
    let mut all = String::new();
    for turns in ["messages", "contents"] {
        if let Some(turns) = request[turns].as_array_mut() {
            turns.retain(|turn| turn["role"] == "system");
        }
    }
    texts(&request, &mut all);
    let request = seen.json();
    let last = ["messages", "contents"].map(|turns| request[turns].as_array()?.last());
    last.into_iter().flatten().for_each(|turn| texts(turn, &mut all));
    all
}

/// The model that a request is for, wherever the interface says it.
pub(crate) fn model(provider: Provider, seen: &Seen) -> String {
    match provider {
        Provider::Gemini => {
            let call = seen.path.rsplit('/').next().unwrap();
            call.split(':').next().unwrap().to_owned()
        }
        Provider::OpenAi | Provider::Anthropic => seen.json()["model"].as_str().unwrap().to_owned(),
    }
}

/// What calls used, as `--json` tells it, all at an unknown price.
pub(crate) fn used(calls: u64) -> Value {
    json!({
        "model_calls": calls,
        "input_tokens": calls * TOKENS.input,
        "output_tokens": calls * TOKENS.output,
        "cost_nanodollars": 0,
        "cost_usd": "0",
        "unpriced_calls": calls,
    })
}
