//! A line of a run's story: its mark, its columns, its words; and the rows that it takes on a
//! terminal.

use std::fmt;

use crate::text::{short, wrap};

/// Less of the words is no help, however narrow the terminal is.
const LEAST: usize = 16;

/// One line: what it is about, and the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) mark: Mark,
    /// The columns: which step, by which tool, how long it took.
    pub(super) head: String,
    /// The words.
    pub(super) text: String,
    /// What must be seen behind them.
    pub(super) tail: String,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Note,
    Plan,
    Start,
    Done,
    Retry,
    Failed,
    Skipped,
    Partial,
    /// Belongs to the line above.
    More,
}

impl Mark {
    /// The word at the beginning of the line, as wide as its column.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Note => "",
            Self::Plan => "plan     ",
            Self::Start => "start    ",
            Self::Done => "done     ",
            Self::Retry => "retry    ",
            Self::Failed => "failed   ",
            Self::Skipped => "skipped  ",
            Self::Partial => "partial  ",
            Self::More => "              ",
        }
    }

    /// Whether the line may be cut where room is short: a result is a hint of what is to come.
    /// What is planned, and why something failed, is told whole.
    const fn gives_way(self) -> bool {
        matches!(self, Self::Done)
    }
}

impl Line {
    /// The words behind the mark as rows of a terminal of this width, all under the first.
    pub(super) fn rows(&self, width: usize) -> String {
        if self.mark.gives_way() {
            return self.row(width);
        }
        let Self { mark, head, text, tail } = self;
        let indent = mark.column().chars().count() + head.chars().count();
        let rows = wrap(&format!("{text}{tail}"), width.saturating_sub(indent).max(LEAST));
        format!("{head}{}", rows.join(&format!("\n{}", " ".repeat(indent))))
    }

    /// The same as one row, which is cut where it must be.
    pub(super) fn row(&self, width: usize) -> String {
        let Self { mark, head, text, tail } = self;
        let taken: usize = [mark.column(), head, tail].iter().map(|s| s.chars().count()).sum();
        let text = short(text, width.saturating_sub(taken).max(LEAST));
        format!("{head}{text}{tail}")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}{}", self.mark.column(), self.head, self.text, self.tail)
    }
}

/// A line without columns.
pub(super) fn line(mark: Mark, text: impl Into<String>) -> Line {
    Line { mark, head: String::new(), text: text.into(), tail: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(mark: Mark) -> Line {
        let text = "Disposable income in both cities: $150,000 less housing costs".to_owned();
        Line { mark, head: "  4  calculate   ".to_owned(), text, tail: "  (after 3)".to_owned() }
    }

    #[test]
    fn a_narrow_terminal_sees_a_plan_in_rows_under_each_other() {
        let rows = planned(Mark::Plan).rows(60);
        let wanted = "  4  calculate   Disposable income in both cities:\n\
             \x20                         $150,000 less housing costs\n\
             \x20                         (after 3)";
        assert_eq!(rows, wanted);
    }

    #[test]
    fn a_row_is_cut_in_its_words_and_keeps_its_columns() {
        let row = planned(Mark::Done).rows(80);
        assert_eq!(row, "  4  calculate   Disposable income in both cities: …  (after 3)");
    }
}
