//! How a run is shown: one screen, three faces. Live draws on a terminal, plain writes lines, json
//! writes objects. What is said stands in [`words`]; the faces only place it.
//!
//! Stdout gets the answer (or the objects) and nothing else.

mod answer;
mod line;
mod live;
mod plain;
mod table;
mod usage;
mod words;

use std::io::{self, IsTerminal as _, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};
use sortie_proto::v1::{RunState, watch_run_response::Item};

use crate::error::Error;
use crate::exit::Exit;
use crate::json;
use crate::output::Output;
use crate::view::View;

use answer::{AnswerStream, Piece, Rest};
use live::Live;
use plain::Plain;

pub(crate) use table::{Last, table};
pub(crate) use usage::{tokens, used};
pub(crate) use words::{describe, goal_line};

/// Where a run is shown.
pub(crate) struct Screen {
    out: Output,
    face: Face,
    answer: AnswerStream,
}

enum Face {
    Live(Live),
    Plain(Plain),
    Json,
}

impl Screen {
    /// The face that fits: live only where stderr is a terminal that understands escapes.
    pub(crate) fn new(out: Output, progress: MultiProgress, json: bool) -> Self {
        let face = if json {
            Face::Json
        } else if draws(io::stderr().is_terminal(), |name| std::env::var(name).ok()) {
            progress.set_draw_target(ProgressDrawTarget::stderr());
            Face::Live(Live::new(progress))
        } else {
            Face::Plain(Plain::new(io::stderr()))
        };
        Self { out, face, answer: AnswerStream::default() }
    }

    /// Shows what a watch brought; `view` has taken it in already.
    pub(crate) fn show(&mut self, view: &View, item: &Item, cursor: &str) -> Result<(), Error> {
        match &mut self.face {
            Face::Json => match json::item_line(view, item, cursor) {
                Some(line) => self.out.line(&line),
                None => Ok(()),
            },
            Face::Plain(plain) => {
                plain.lines(&words::tell(view, item));
                self.stream_answer(item)
            }
            Face::Live(live) => {
                live.lines(&words::tell(view, item));
                live.let_go(view);
                self.stream_answer(item)
            }
        }
    }

    /// Tells the person something that is not of the run.
    pub(crate) fn note(&mut self, text: &str) {
        match &mut self.face {
            Face::Json => crate::output::say(&crate::text::harmless_line(text)),
            Face::Plain(plain) => plain.lines(&[words::note(text)]),
            Face::Live(live) => live.lines(&[words::note(text)]),
        }
    }

    /// Resolves when the screen wants to be redrawn.
    pub(crate) async fn tick(&mut self) {
        match &mut self.face {
            Face::Live(live) => live.tick().await,
            Face::Plain(_) | Face::Json => std::future::pending().await,
        }
    }

    /// Moves what moves.
    pub(crate) fn redraw(&mut self, view: &View) {
        if let Face::Live(live) = &mut self.face {
            live.redraw(view);
        }
    }

    /// The end: the answer, what is missing, the summary.
    pub(crate) fn finish(&mut self, view: &View) -> Result<(), Error> {
        if let Face::Json = self.face {
            return self.out.line(&json::result_line(view));
        }
        if let Face::Live(live) = &mut self.face {
            live.clear();
        }
        if let Some(answer) = &view.answer {
            self.write_answer(answer)?;
        }
        let lines = words::ending(view);
        match &mut self.face {
            Face::Plain(plain) => plain.lines(&lines),
            Face::Live(live) => live.lines(&lines),
            Face::Json => {}
        }
        Ok(())
    }

    /// Text of the answer as it is written is for eyes only: any other stdout gets the recorded
    /// answer.
    fn stream_answer(&mut self, item: &Item) -> Result<(), Error> {
        let Item::AnswerText(text) = item else { return Ok(()) };
        if !self.out.is_terminal() {
            return Ok(());
        }
        if let Face::Live(live) = &mut self.face {
            live.clear();
        }
        match self.answer.push(text) {
            Piece::Nothing => Ok(()),
            Piece::More(text) => self.out.foreign(text),
            Piece::Again(text) => {
                let text = text.to_owned();
                self.out.foreign("\n")?;
                self.note("the answer is written anew");
                self.out.foreign(&text)
            }
        }
    }

    fn write_answer(&mut self, answer: &str) -> Result<(), Error> {
        match self.answer.rest(answer) {
            Rest::Missing(text) => self.out.foreign(text)?,
            Rest::Other => {
                self.out.foreign("\n")?;
                self.note("the recorded answer:");
                self.out.foreign(answer)?;
            }
        }
        if answer.ends_with('\n') { Ok(()) } else { self.out.line("") }
    }
}

/// How a run that has ended ends the program.
pub(crate) fn exit_of(view: &View) -> Exit {
    match view.state {
        RunState::Succeeded => Exit::Done,
        _ => Exit::Failed,
    }
}

/// Whether stderr is a place to draw on.
fn draws(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    terminal && !no_color && variable("TERM").is_none_or(|term| term != "dumb")
}

/// Lets the log write between what is drawn, never into it.
#[derive(Clone)]
pub(crate) struct LogWriter(MultiProgress);

impl LogWriter {
    pub(crate) const fn new(progress: MultiProgress) -> Self {
        Self(progress)
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests;
