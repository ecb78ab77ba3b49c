//! What a script says, and when.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::*;
use crate::chat::{Ending, Piece, Purpose, StopReason, Tokens, complete};

fn request(purpose: Purpose, user: &str) -> Request {
    let (system, user) = ("You plan.".to_owned(), user.to_owned());
    Request { purpose, system, examples: Vec::new(), user, shape: None, max_tokens: None }
}

fn script(text: &str) -> Script {
    Script::read(text, "demo").unwrap_or_else(|problem| panic!("{problem}"))
}

async fn says(script: &Script, purpose: Purpose, user: &str) -> Result<String, ModelError> {
    complete(script, request(purpose, user), 10_000).await.map(|(text, _)| text)
}

#[tokio::test]
async fn the_first_reply_that_fits_is_used() {
    let script = script(
        r#"
        [[reply]]
        purpose = "plan"
        contains = ["trip", "You plan"]
        times = 1
        text = "first"
        [[reply]]
        purpose = ["plan", "repair"]
        contains = "trip"
        text = "second"
        [[reply]]
        purpose = "answer"
        text = ""
        "#,
    );
    assert_eq!(says(&script, Purpose::Plan, "a trip").await.unwrap(), "first");
    assert_eq!(says(&script, Purpose::Plan, "a trip").await.unwrap(), "second");
    assert_eq!(says(&script, Purpose::Repair, "a trip").await.unwrap(), "second");
    assert_eq!(says(&script, Purpose::Answer, "").await.unwrap(), "");
    let error = says(&script, Purpose::Plan, "a walk").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadRequest);
    assert_eq!(error.message, "script demo has no reply left for this call (plan)");
}

#[tokio::test(start_paused = true)]
async fn pieces_come_when_they_are_due() {
    let script = script(
        r#"
        [[reply]]
        text = "grüße"
        chunk = 2
        first_pause = "2s"
        pause = "50ms"
        stop = "length"
        input_tokens = 7
        output_tokens = 3
        "#,
    );
    let started = Instant::now();
    let mut pieces = script.stream(request(Purpose::Ask, "")).await.unwrap();
    let mut heard = Vec::new();
    while let Some(piece) = pieces.next().await {
        heard.push((piece.unwrap(), started.elapsed().as_millis()));
    }
    let tokens = Tokens { input: 7, output: 3 };
    let text = |text: &str| Piece::Text(text.to_owned());
    assert_eq!(
        heard,
        [
            (text("gr"), 2_000),
            (text("üß"), 2_050),
            (text("e"), 2_100),
            (Piece::End(Ending { stop: StopReason::Length, tokens }), 2_100),
        ]
    );
}

#[tokio::test]
async fn faults_come_as_written() {
    let script = script(
        r#"
        [[reply]]
        purpose = "plan"
        text = "half of it"
        error = { kind = "rate_limited", message = "slow down", retry_after = "2s", after = 4 }
        [[reply]]
        purpose = "repair"
        error = { kind = "unauthorized" }
        [[reply]]
        purpose = "answer"
        text = "half"
        cut = true
        "#,
    );
    let mut pieces = script.stream(request(Purpose::Plan, "")).await.unwrap();
    assert_eq!(pieces.next().await.unwrap().unwrap(), Piece::Text("half".to_owned()));
    let error = pieces.next().await.unwrap().unwrap_err();
    let retry_after = Some(Duration::from_secs(2));
    let (kind, message) = (ErrorKind::RateLimited, "slow down".to_owned());
    assert_eq!(error, ModelError { kind, message, retry_after });
    assert!(pieces.next().await.is_none());

    let error = script.stream(request(Purpose::Repair, "")).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    let error = says(&script, Purpose::Answer, "").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::CutOff);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, problem) in [
        ("[[reply]]\ntext = \"\"\ntxet = 1", "line 3: unknown field `txet`"),
        ("[[replies]]", "line 1: unknown field `replies`"),
        ("[[reply]]\npurpose = \"dance\"", "line 2: no purpose is called `dance`: there are plan"),
        ("[[reply]]\npurpose = [\"plan\", \"dance\"]", "line 2: no purpose is called `dance`"),
        ("[[reply]]\npause = \"50\"", "line 2: `50` is no time"),
        ("[[reply]]\nstop = \"x\"", "line 2: no reason to stop is called `x`"),
        ("[[reply]]\n\nerror = { kind = \"x\" }", "line 3: no kind of error is called `x`"),
        ("[[reply]]\nchunk = 0", "line 2: "),
        ("", "line 1: it has no [[reply]]"),
    ] {
        let said = Script::read(text, "demo").err().unwrap_or_default();
        assert!(said.starts_with(problem), "{said:?} should begin with {problem:?}");
    }
}

#[test]
fn a_file_gives_the_model_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trip.toml");
    let error = open(&path).err().unwrap();
    assert_eq!(error.kind, ErrorKind::NotFound);
    std::fs::write(&path, "[[reply]]\ntext = \"hello\"").unwrap();
    assert_eq!(open(&path).unwrap().name().to_string(), "script trip");
    std::fs::write(&path, "[[reply]]\nx = 1").unwrap();
    let error = open(&path).err().unwrap().message;
    assert!(error.contains("trip.toml, line 2: unknown field `x`"), "{error}");
}
