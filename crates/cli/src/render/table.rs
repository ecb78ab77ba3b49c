//! Columns of text, as wide as they need to be.

/// Rows under a header, two spaces between columns; the last column is not filled up.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = header.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let write = |cells: [&str; N]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            line.push_str(&format!("{cell:<width$}  "));
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

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [["a".to_owned(), "long cell".to_owned()], ["été".to_owned(), String::new()]];
        assert_eq!(table(["NAME", "X"], &rows), "NAME  X\na     long cell\nété");
    }
}
