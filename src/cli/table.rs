//! Rows in columns.

/// Lines in which every column is as wide as its widest word, under a line of names.
pub(super) fn table<const COLUMNS: usize>(names: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> Vec<String> {
    let width = |column: usize| {
        let words = rows.iter().map(|row| row[column].chars().count());
        words.chain([names[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let line = |row: &[String; COLUMNS]| {
        let words = row.iter().zip(&widths).map(|(word, width)| format!("{word:width$}"));
        words.collect::<Vec<String>>().join("  ").trim_end().to_owned()
    };
    let head = line(&names.map(str::to_owned));
    [head].into_iter().chain(rows.iter().map(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_word() {
        let rows = [["a".to_owned(), "longer".to_owned()], ["bcdef".to_owned(), "x".to_owned()]];
        assert_eq!(table(["n", "what"], &rows), ["n      what", "a      longer", "bcdef  x"]);
    }
}
