//! The two streams. Stdout carries what was asked for and reports a closed pipe; stderr carries
//! the rest and never stops the program.

use std::io::{self, IsTerminal as _, Write};

use crate::error::Error;
use crate::text;

/// Stdout, or what stands for it in a test.
pub(crate) struct Output {
    to: Box<dyn Write + Send>,
    terminal: bool,
}

impl Output {
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        Self { terminal: stdout.is_terminal(), to: Box::new(stdout) }
    }

    #[cfg(test)]
    pub(crate) fn new(to: impl Write + Send + 'static, terminal: bool) -> Self {
        Self { to: Box::new(to), terminal }
    }

    /// Whether a person may be looking.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// How many columns a line may have; a file or pipe takes them all.
    pub(crate) fn width(&self) -> Option<usize> {
        let columns = || console::Term::stdout().size_checked().map(|(_, columns)| columns);
        self.terminal.then(columns).flatten().map(usize::from)
    }

    /// Writes one line and sees it off.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Error> {
        self.to.write_all(format!("{line}\n").as_bytes())?;
        Ok(self.to.flush()?)
    }

    /// Writes someone else's text: as it is into a file or pipe, harmless on a terminal.
    pub(crate) fn foreign(&mut self, words: &str) -> Result<(), Error> {
        if self.terminal {
            self.to.write_all(text::harmless(words).as_bytes())?;
        } else {
            self.to.write_all(words.as_bytes())?;
        }
        Ok(self.to.flush()?)
    }
}

/// Writes a line to stderr. If stderr is gone, there is nobody to tell.
pub(crate) fn say(line: &str) {
    io::stderr().write_all(format!("{line}\n").as_bytes()).ok();
}
