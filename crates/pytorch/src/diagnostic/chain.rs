//! The chain of calls as lines: repeated calls once, long ones cut in the middle.

use crate::source::{Sources, Span};

/// Calls that are listed before and after a cut.
const ENDS: usize = 5;

/// One line a call, outermost first: place, function, and the line's text.
pub(super) fn lines(sources: &Sources, chain: &[(Span, Option<String>)], width: usize) -> Vec<String> {
    let calls: Vec<(Span, &Option<String>)> = chain
        .iter()
        .filter(|(span, _)| sources.is_users(*span))
        .map(|(span, function)| (*span, function))
        .collect();
    let mut runs: Vec<(Span, &Option<String>, usize)> = Vec::new();
    for (span, function) in calls {
        match runs.last_mut() {
            Some((last, name, times)) if *last == span && *name == function => *times += 1,
            _ => runs.push((span, function, 1)),
        }
    }
    let cut = runs.len() > 2 * ENDS + 1;
    let (head, tail) = if cut { (ENDS, runs.len() - ENDS) } else { (runs.len(), runs.len()) };
    let left_out: usize = runs[head..tail].iter().map(|run| run.2).sum();
    let shown = runs[..head].iter().chain(&runs[tail..]);
    let columns: Vec<([String; 3], String)> = shown
        .map(|(span, function, times)| {
            let place = format!("{}:{}", sources.path(span.file).display(), sources.line(*span));
            let function = match function {
                Some(name) => format!("in {name}"),
                None if is_indented(sources, *span) => String::new(),
                None => "top level".to_owned(),
            };
            let times = if *times > 1 { format!("  ({times} times)") } else { String::new() };
            ([place, function, source_line(sources, *span)], times)
        })
        .collect();
    let column = |i: usize| columns.iter().map(|(row, _)| row[i].chars().count()).max().unwrap_or(0);
    let (places, functions) = (column(0), column(1));
    let mut lines: Vec<String> = columns
        .iter()
        .map(|([place, function, text], times)| {
            let (first, second) = (places - place.chars().count(), functions - function.chars().count());
            let line = format!("{place}{:first$}  {function}{:second$}  {text}", "", "");
            cut_to(&line, width.saturating_sub(times.len())) + times
        })
        .collect();
    if cut {
        lines.insert(head, format!("… {left_out} more calls"));
    }
    lines
}

/// Whether a range is in a line that some block holds.
fn is_indented(sources: &Sources, span: Span) -> bool {
    let text = &sources.get(span.file).text;
    let before = text.get(..span.start as usize).unwrap_or_default();
    let line = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    text[line..].starts_with([' ', '\t'])
}

/// The text of the line on which a range starts, without its indentation.
fn source_line(sources: &Sources, span: Span) -> String {
    let text = &sources.get(span.file).text;
    let mut at = (span.start as usize).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let start = text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let end = text[at..].find(['\n', '\r']).map_or(text.len(), |end| at + end);
    let line = text[start..end].trim();
    line.chars().take(200).map(|c| if c == '\t' { ' ' } else { c }).collect()
}

/// A line of at most so many characters.
fn cut_to(line: &str, width: usize) -> String {
    match line.char_indices().nth(width) {
        None => line.to_owned(),
        Some(_) => line.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}
