//! The lines of a file that are shown: those with marks, cut where they are very long.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::source::line_starts;

/// Columns of a line that are kept; what is far from every mark is cut off.
const LONGEST: usize = 240;
/// Characters that are kept before the first mark of a line that is cut.
const LEAD: usize = 60;
/// Lines that a mark may span; of a longer one its first line is marked.
const TALLEST: usize = 6;
/// Lines between two marked ones that may be shown.
const BETWEEN: usize = 2;

/// Lines of a file, with line endings that are all alike.
pub(super) struct Excerpt {
    /// The lines; those that are not shown are empty.
    pub(super) text: String,
    /// The number of the first line, from 1.
    pub(super) first_line: usize,
    /// The marks in `text`, in the order in which they were given.
    pub(super) marks: Vec<Range<usize>>,
    /// Line and column of each mark in the file, both from 1.
    pub(super) places: Vec<(usize, usize)>,
}

/// The part of a line that is shown.
struct Shown {
    /// In the file's text.
    range: Range<usize>,
    /// Where it lies in the excerpt, without the sign for what was cut before it.
    start: usize,
}

impl Excerpt {
    /// Cuts the lines of `marks` out of a file.
    pub(super) fn new(text: &str, marks: &[Range<usize>]) -> Self {
        let starts = line_starts(text);
        let marks: Vec<Range<usize>> = marks.iter().map(|mark| tidy(text, &starts, mark)).collect();
        let line_of = |byte: usize| starts.partition_point(|&start| start <= byte).saturating_sub(1);
        let places = marks.iter().map(|mark| {
            let line = line_of(mark.start);
            (line + 1, text[starts[line]..mark.start].chars().count() + 1)
        });
        let places = places.collect();

        let mut kept: BTreeMap<usize, Option<Range<usize>>> = BTreeMap::new();
        for mark in &marks {
            for line in line_of(mark.start)..=line_of(mark.end) {
                let range = line_range(text, &starts, line);
                let part = mark.start.max(range.start)..mark.end.min(range.end);
                let known = kept.entry(line).or_default();
                *known = Some(match known.take() {
                    Some(other) => other.start.min(part.start)..other.end.max(part.end),
                    None => part,
                });
            }
        }
        let marked: Vec<usize> = kept.keys().copied().collect();
        for pair in marked.windows(2) {
            if pair[1] - pair[0] <= BETWEEN {
                (pair[0] + 1..pair[1]).for_each(|line| _ = kept.entry(line).or_default());
            }
        }

        let (first, last) = (marked.first().copied().unwrap_or(0), marked.last().copied().unwrap_or(0));
        let mut excerpt = String::new();
        let mut shown: BTreeMap<usize, Shown> = BTreeMap::new();
        for line in first..=last {
            if let Some(mark) = kept.get(&line) {
                let line_range = line_range(text, &starts, line);
                let range = window(text, line_range.clone(), mark.clone());
                if range.start > line_range.start {
                    excerpt.push('…');
                }
                let start = excerpt.len();
                excerpt.push_str(&text[range.clone()].replace(is_control, "·"));
                if range.end < line_range.end {
                    excerpt.push('…');
                }
                shown.insert(line, Shown { range, start });
            }
            excerpt.push('\n');
        }
        let moved = |byte: usize| {
            let Some(Shown { range, start }) = shown.get(&line_of(byte)) else { return 0 };
            start + byte.clamp(range.start, range.end) - range.start
        };
        let marks = marks.iter().map(|mark| moved(mark.start)..moved(mark.end)).collect();
        Self { text: excerpt, first_line: first + 1, marks, places }
    }

    /// The column of a mark in what is shown, from 1.
    pub(super) fn column(&self, mark: usize) -> usize {
        let before = &self.text[..self.marks[mark].start];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        before[start..].chars().count() + 1
    }
}

/// Whether a character is one of those that some terminals take for the start of a command. Like the sign that replaces
/// them they take two bytes.
pub(super) fn is_control(c: char) -> bool {
    ('\u{80}'..='\u{9f}').contains(&c)
}

/// The range of a line without its ending.
fn line_range(text: &str, starts: &[usize], line: usize) -> Range<usize> {
    let end = starts.get(line + 1).copied().unwrap_or(text.len());
    let range = starts[line]..end;
    starts[line]..starts[line] + text[range].trim_end_matches(['\n', '\r']).len()
}

/// A mark on whole characters of the text, without the blanks at its end, on few lines; one at the end of the file is
/// moved to what was written last.
fn tidy(text: &str, starts: &[usize], mark: &Range<usize>) -> Range<usize> {
    let floor = |byte: usize| {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    };
    let mut start = floor(mark.start);
    if text[start..].trim_matches(['\n', '\r', ' ', '\t']).is_empty() {
        start = text[..start].trim_end().len();
    }
    let mut end = floor(mark.end).max(start);
    end = start + text[start..end].trim_end().len();
    let line_of = |byte: usize| starts.partition_point(|&start| start <= byte).saturating_sub(1);
    let line = line_of(start);
    if line_of(end) - line >= TALLEST {
        end = line_range(text, starts, line).end.max(start);
    }
    start..end
}

/// The part of a line that is shown, around its mark.
fn window(text: &str, line: Range<usize>, mark: Option<Range<usize>>) -> Range<usize> {
    if text[line.clone()].chars().nth(LONGEST).is_none() {
        return line;
    }
    let mark = mark.unwrap_or(line.start..line.start);
    let lead = text[line.start..mark.start].char_indices().rev().nth(LEAD - 1);
    let start = lead.map_or(line.start, |(at, _)| line.start + at);
    let end = text[start..line.end].char_indices().nth(LONGEST).map_or(line.end, |(at, _)| start + at);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_between_marks_are_kept_where_they_are_few() {
        let text = "a\r\nb\r\nc\r\nd\ne\nf";
        let excerpt = Excerpt::new(text, &[3..4, 13..14]);
        assert_eq!(excerpt.text, "b\n\n\n\nf\n");
        assert_eq!(excerpt.first_line, 2);
        assert_eq!(excerpt.marks, [0..1, 5..6]);
        assert_eq!(excerpt.places, [(2, 1), (6, 1)]);
        assert_eq!(Excerpt::new(text, &[3..4, 9..10]).text, "b\nc\nd\n");
    }

    #[test]
    fn marks_are_whole_characters_of_the_text() {
        let text = "é = (\n\n";
        let at = |mark| {
            let excerpt = Excerpt::new(text, &[mark]);
            (excerpt.text[excerpt.marks[0].clone()].to_owned(), excerpt.places[0])
        };
        assert_eq!(at(1..3), ("é".to_owned(), (1, 1)));
        assert_eq!(at(5..8), ("(".to_owned(), (1, 5)));
        assert_eq!(at(6..8), (String::new(), (1, 6)));
        assert_eq!(at(99..200), (String::new(), (1, 6)));
        assert_eq!(Excerpt::new("", std::slice::from_ref(&(0..3))).text, "\n");
    }

    #[test]
    fn long_lines_are_cut_around_their_marks() {
        let text = format!("{}mark{}", "ä".repeat(100_000), "z".repeat(100_000));
        let excerpt = Excerpt::new(&text, std::slice::from_ref(&(200_000..200_004)));
        assert_eq!(&excerpt.text[excerpt.marks[0].clone()], "mark");
        assert_eq!(excerpt.text.chars().count(), LONGEST + 3);
        assert_eq!(excerpt.places, [(1, 100_001)]);
        let far = Excerpt::new(&text, &[0..2, 200_000..200_004]);
        assert!(far.text.is_char_boundary(far.marks[1].start) && far.marks[1].end <= far.text.len());
    }
}
