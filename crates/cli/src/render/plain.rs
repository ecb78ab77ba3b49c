//! Lines without escapes, for logs, files and terminals that cannot draw.

use std::io::Write;

use super::line::Line;

/// Writes lines. If nobody reads them any more, there is nobody to tell.
pub(super) struct Plain(Box<dyn Write + Send>);

impl Plain {
    pub(super) fn new(to: impl Write + Send + 'static) -> Self {
        Self(Box::new(to))
    }

    pub(super) fn lines(&mut self, lines: &[Line]) {
        for line in lines {
            self.0.write_all(format!("{line}\n").as_bytes()).ok();
        }
        self.0.flush().ok();
    }
}
