//! What tools did, written down outside of the system: a file for each worker process, a line for
//! each fact. A line is one write at the end of the file, so a process that is killed leaves whole
//! lines; that a tool began is written before it does anything.
//!
//! "Ended" means that the tool is done; whether anybody heard of it is told by histories alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sortie_engine::{AttemptNumber, RunId, StepId};
use sortie_worker::Call;

use super::wait::now_ms;

/// One fact about one execution of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What happened.
    pub fact: Fact,
    /// The run.
    pub run: String,
    /// The step, by the engine's name.
    pub step: u32,
    /// Which try at it.
    pub attempt: u32,
    /// The idempotency key, generation included.
    pub key: String,
    /// The tool.
    pub tool: String,
    /// What it was to say, references filled in.
    pub say: String,
    /// The worker process.
    pub pid: u32,
    /// Tells the executions of one process apart.
    pub execution: u64,
    /// On the machine's clock.
    pub at_ms: u64,
    /// On the clock that only counts up, since the machine was started.
    pub up_ms: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The tool begins.
    Began,
    /// It has a result, which is this JSON.
    Ended {
        /// The hash of the JSON text.
        hash: String,
    },
    /// It failed, as it was told to.
    Failed {
        /// The name of the failure's kind.
        kind: String,
    },
    /// It was stopped before it had an end.
    Stopped,
}

impl Entry {
    /// The run.
    ///
    /// # Panics
    /// If the ledger does not hold the name of a run.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.run.parse().unwrap()
    }

    /// The step.
    #[must_use]
    pub const fn step(&self) -> StepId {
        StepId::new(self.step)
    }

    /// Which try at it.
    #[must_use]
    pub const fn attempt(&self) -> AttemptNumber {
        AttemptNumber::new(self.attempt)
    }
}

/// The ledger of this process.
#[derive(Debug, Clone)]
pub struct Ledger {
    file: Arc<File>,
}

/// One execution, which is written down as stopped unless it comes to another end.
#[derive(Debug)]
pub struct Execution {
    ledger: Ledger,
    entry: Entry,
    over: bool,
}

impl Ledger {
    /// A file of this process's own in the folder.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let name = format!("{}-{:08x}.jsonl", std::process::id(), fastrand::u32(..));
        let file = OpenOptions::new().append(true).create_new(true).open(folder.join(name))?;
        Ok(Self { file: Arc::new(file) })
    }

    /// A tool begins.
    #[must_use]
    pub fn begin(&self, call: &Call, tool: &str, say: &str) -> Execution {
        let entry = Entry {
            fact: Fact::Began,
            run: call.run.to_string(),
            step: call.step.get(),
            attempt: call.attempt.get(),
            key: call.idempotency_key(),
            tool: tool.to_owned(),
            say: say.to_owned(),
            pid: std::process::id(),
            execution: fastrand::u64(..),
            at_ms: 0,
            up_ms: 0,
        };
        let mut execution = Execution { ledger: self.clone(), entry, over: false };
        execution.write(Fact::Began);
        execution
    }
}

impl Execution {
    /// It came to an end.
    pub fn end(mut self, fact: Fact) {
        self.over = true;
        self.write(fact);
    }

    /// Tells executions apart.
    #[must_use]
    pub const fn name(&self) -> u64 {
        self.entry.execution
    }

    fn write(&mut self, fact: Fact) {
        self.entry.fact = fact;
        self.entry.at_ms = now_ms();
        self.entry.up_ms = up_ms();
        let mut line = serde_json::to_vec(&self.entry).unwrap();
        line.push(b'\n');
        (&*self.ledger.file).write_all(&line).expect("a line for the ledger");
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        if !self.over {
            self.write(Fact::Stopped);
        }
    }
}

/// Everything that is written down in the folder, by time.
///
/// # Panics
/// If a file cannot be read or a line is no entry.
#[must_use]
pub fn read(folder: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        // Whoever writes may be in the middle of its last line.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        entries.extend(whole.map(|line| -> Entry {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        }));
    }
    entries.sort_by_key(|entry| (entry.up_ms, entry.at_ms));
    entries
}

/// The kernel tells hundredths of a second, for all processes alike; 0 where there is no such file.
fn up_ms() -> u64 {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small time")]
    seconds.map_or(0, |seconds| (seconds * 1000.0) as u64)
}

/// A hash that everybody computes alike (FNV-1a).
#[must_use]
pub fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_engine::{Generation, Lane};
    use tokio_util::sync::CancellationToken;

    #[test]
    fn every_fact_is_a_line_and_a_tool_that_is_dropped_was_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let (run, step) = (RunId::new(0, Lane(1), 7), StepId::new(3));
        let (attempt, generation) = (AttemptNumber::FIRST, Generation::FIRST);
        let call = Call::new(run, step, attempt, generation, CancellationToken::new());
        ledger.begin(&call, "t", "a\nb").end(Fact::Ended { hash: hash("x") });
        drop(ledger.begin(&call, "t", "c"));
        let entries = read(folder.path());
        let facts: Vec<_> = entries.iter().map(|entry| entry.fact.clone()).collect();
        let ended = Fact::Ended { hash: hash("x") };
        assert_eq!(facts, [Fact::Began, ended, Fact::Began, Fact::Stopped]);
        assert_eq!(
            (entries[0].run(), entries[0].step(), entries[0].attempt()),
            (run, step, attempt)
        );
        assert_eq!(entries[0].execution, entries[1].execution);
        assert_ne!(entries[0].execution, entries[2].execution);
    }
}
