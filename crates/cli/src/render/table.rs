//! Columns of text, as wide as they need to be; the last one gives way to the terminal.

use crate::text::{short, wrap};

/// A narrower last column is of no use: then the terminal may break the lines.
const LEAST: usize = 20;

/// What becomes of a last column that is wider than the terminal, if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Last {
    /// It is cut: its beginning is enough to know the row by.
    Cut(Option<usize>),
    /// It goes on in rows under the first.
    Rows(Option<usize>),
}

/// Rows under a header, two spaces between columns; the last column is not filled up.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]], last: Last) -> String {
    let mut widths = header.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let before: usize = widths.iter().take(N.saturating_sub(1)).map(|width| width + 2).sum();
    let room = |columns: Option<usize>| {
        columns.map_or(usize::MAX, |columns| columns.saturating_sub(before).max(LEAST))
    };
    let fit = |cell: &str| match last {
        Last::Cut(columns) => short(cell, room(columns)),
        Last::Rows(columns) => wrap(cell, room(columns)).join(&format!("\n{}", " ".repeat(before))),
    };
    let write = |cells: [&str; N]| {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            match at + 1 == N {
                true => line.push_str(&fit(cell)),
                false => line.push_str(&format!("{cell:<width$}  ")),
            }
        }
        line.trim_end().to_owned()
    };
    let mut lines = vec![write(header)];
    lines.extend(rows.iter().map(|row| write(std::array::from_fn(|i| row[i].as_str()))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(one: &str, other: &str) -> [String; 2] {
        [one.to_owned(), other.to_owned()]
    }

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [row("a", "long cell"), row("été", "")];
        let text = table(["NAME", "X"], &rows, Last::Cut(None));
        assert_eq!(text, "NAME  X\na     long cell\nété");
    }

    #[test]
    fn the_last_column_gives_way_to_the_terminal() {
        let rows = [row("a", "one two three four five six")];
        let cut = table(["N", "X"], &rows, Last::Cut(Some(24)));
        assert_eq!(cut, "N  X\na  one two three four …");
        let broken = table(["N", "X"], &rows, Last::Rows(Some(24)));
        assert_eq!(broken, "N  X\na  one two three four\n   five six");
    }
}
