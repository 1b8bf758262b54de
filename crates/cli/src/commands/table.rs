//! A table for people: a heading and rows, each column as wide as its longest text.

use crate::output::FAINT;

/// A column's heading, and the side at which its texts stand.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    name: &'static str,
    right: bool,
}

impl Column {
    /// Texts.
    pub(crate) const fn left(name: &'static str) -> Self {
        Self { name, right: false }
    }

    /// Numbers.
    pub(crate) const fn right(name: &'static str) -> Self {
        Self { name, right: true }
    }

    /// Its heading.
    pub(crate) fn heading(&self) -> &'static str {
        self.name
    }
}

/// The table; a row has a text for each column.
pub(crate) fn table(columns: &[Column], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.collect();
    let length = |text: &str| text.chars().count();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| rows.iter().map(|row| length(&row[i])).max().unwrap_or(0).max(length(column.name)))
        .collect();
    let line = |texts: &mut dyn Iterator<Item = &str>| {
        let cells = texts.zip(columns).zip(&widths).map(|((text, column), &width)| match column.right {
            true => format!("{text:>width$}"),
            false => format!("{text:<width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = line(&mut columns.iter().map(|column| column.name));
    let mut text = format!("{FAINT}{head}{FAINT:#}\n");
    for row in &rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_texts() {
        let rows = [["größe", "1.5"], ["b", "12.25"]].map(|row| row.map(String::from).to_vec());
        let text =
            anstream::adapter::strip_str(&table(&[Column::left("a"), Column::right("n")], rows.into_iter()))
                .to_string();
        assert_eq!(text, "a          n\ngröße    1.5\nb      12.25\n");
    }
}
