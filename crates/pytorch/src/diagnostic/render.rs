//! Messages as text for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use annotate_snippets::{
    AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use super::excerpt::{Excerpt, is_control};
use super::{Diagnostic, Report, Severity, chain};
use crate::source::FileId;

/// How messages are rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderStyle {
    /// Whether colours are wanted, as ANSI escapes.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// The widest that prose is set, and the narrowest.
const PROSE: Range<usize> = 40..110;
/// The widest that lines of code are set.
const WIDEST: usize = 4096;
/// Lines of the listing that are kept at its start and at its end.
const LISTED: (usize, usize) = (3, 16);

/// The colour of the line that a listing points at.
const POINTED: &str = "\u{1b}[1;91m";
const RESET: &str = "\u{1b}[0m";

impl Report {
    /// The messages as text, with the lines that they are about; empty where there are none.
    #[must_use]
    pub fn render(&self, style: RenderStyle) -> String {
        let texts: Vec<String> = self.diagnostics.iter().map(|one| self.render_one(one, style)).collect();
        texts.join("\n")
    }

    fn render_one(&self, diagnostic: &Diagnostic, style: RenderStyle) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level.primary_title(one_line(&diagnostic.message));
        let title = if diagnostic.code.is_empty() { title } else { title.id(diagnostic.code) };
        let mut group = Group::with_title(title);
        let Places { elements, moved } = self.places(diagnostic);
        group = group.elements(elements);
        let width = style.width.clamp(PROSE.start, PROSE.end);
        let calls = chain::lines(&self.sources, &calls_before(diagnostic), width - MARGIN);
        if !calls.is_empty() {
            group =
                group.element(untitled(&clean(&format!("the calls that led here\n{}", calls.join("\n")))));
        }
        if !diagnostic.listing.trim().is_empty() {
            group = group.element(untitled(&listing(&diagnostic.listing, style.colour)));
        }
        for note in &diagnostic.notes {
            let text = wrapped(note, width - MARGIN - "note: ".len());
            group = group.element(Level::NOTE.message(clean(&text)));
        }
        if let Some(help) = help(&diagnostic.helps, width - MARGIN - "help: ".len()) {
            group = group.element(Level::HELP.message(clean(&help)));
        }
        let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
        let width = style.width.clamp(PROSE.start, WIDEST) - MARGIN;
        let mut text = renderer.term_width(width).render(&[group]);
        for (shown, place) in &moved {
            text = text.replacen(shown, place, 1);
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        lines.join("\n") + "\n"
    }

    /// The marked lines, file by file, that of the message itself first.
    fn places(&self, diagnostic: &Diagnostic) -> Places {
        let mut order: Vec<FileId> = Vec::new();
        let mut marks: BTreeMap<FileId, Vec<Mark>> = BTreeMap::new();
        let first = diagnostic.span.map(|span| (span, diagnostic.label.clone().unwrap_or_default(), true));
        let others = diagnostic.labels.iter().map(|(span, label)| (*span, label.clone(), false));
        for (span, label, is_primary) in first.into_iter().chain(others) {
            if !order.contains(&span.file) {
                order.push(span.file);
            }
            let range = span.start as usize..span.end as usize;
            let known = marks.entry(span.file).or_default();
            // What is told of one range twice is told at one mark.
            match known.iter_mut().find(|mark| mark.range == range) {
                Some(mark) if mark.label.is_empty() => mark.label = label,
                Some(mark) if !label.is_empty() && !mark.label.contains(&label) => {
                    mark.label = format!("{}; {label}", mark.label);
                }
                Some(_) => {}
                None => known.push(Mark { range, label, is_primary }),
            }
        }
        if order.is_empty() {
            let path = self.main_file().map(|file| self.sources.path(file).display().to_string());
            let elements = path.map(|path| Origin::path(path).into()).into_iter().collect();
            return Places { elements, moved: Vec::new() };
        }
        let mut places = Places { elements: Vec::new(), moved: Vec::new() };
        for file in order {
            self.places_of(file, &marks[&file], &mut places);
        }
        places
    }

    /// Adds the marked lines of one file.
    fn places_of(&self, file: FileId, marks: &[Mark], places: &mut Places) {
        let source = self.sources.get(file);
        let ranges: Vec<Range<usize>> = marks.iter().map(|mark| mark.range.clone()).collect();
        let excerpt = Excerpt::new(&source.text, &ranges);
        let at = marks.iter().position(|mark| mark.is_primary).unwrap_or(0);
        let (line, column) = excerpt.places[at];
        let path = source.path.display().to_string();
        if source.text.trim().is_empty() {
            places.elements.push(Origin::path(path).line(line).char_column(column).into());
            return;
        }
        let shown = excerpt.column(at);
        if shown != column {
            places.moved.push((format!("{path}:{line}:{shown}"), format!("{path}:{line}:{column}")));
        }
        let annotations = marks.iter().zip(&excerpt.marks).map(|(mark, range)| {
            let kind = if mark.is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let label = clean(&one_line(&mark.label));
            kind.span(range.clone()).label((!label.is_empty()).then_some(label))
        });
        let annotations: Vec<_> = annotations.collect();
        let snippet = Snippet::source(excerpt.text).path(path).line_start(excerpt.first_line);
        places.elements.push(snippet.annotations(annotations).into());
    }
}

/// The marked lines of all files.
struct Places {
    elements: Vec<Element<'static>>,
    /// Where a line is cut at its start: its place as it would be told, and as it is.
    moved: Vec<(String, String)>,
}

/// A marked range of a file.
struct Mark {
    range: Range<usize>,
    label: String,
    is_primary: bool,
}

/// Columns that the frame takes.
const MARGIN: usize = 8;

/// The calls without the last one where that is the marked place itself.
fn calls_before(diagnostic: &Diagnostic) -> Vec<(crate::source::Span, Option<String>)> {
    let mut calls = diagnostic.chain.clone();
    if calls.last().map(|call| call.0) == diagnostic.span {
        calls.pop();
    }
    calls
}

/// A paragraph without a name, whose lines are indented under its first.
fn untitled(text: &str) -> Element<'static> {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(i, line)| if i == 0 { line.to_owned() } else { format!("    {line}") });
    let lines: Vec<String> = lines.collect();
    let name = Level::NOTE.with_name(None::<&str>);
    name.message(lines.join("\n")).into()
}

/// The layers up to the failing one, which is coloured; the middle of many is left out.
fn listing(text: &str, colour: bool) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let (head, tail) = LISTED;
    let cut = lines.len() > head + tail + 1;
    let mut listed = String::from("the layers so far");
    for (i, line) in lines.iter().enumerate() {
        if cut && i == head {
            let _ = write!(listed, "\n  … {} more", lines.len() - head - tail);
        }
        if cut && i >= head && i < lines.len() - tail {
            continue;
        }
        let line = clean(line);
        if colour && line.trim_start().starts_with('→') {
            let _ = write!(listed, "\n{POINTED}{line}{RESET}");
        } else {
            let _ = write!(listed, "\n{line}");
        }
    }
    listed
}

/// What to do; several ways are numbered.
fn help(helps: &[String], width: usize) -> Option<String> {
    match helps {
        [] => None,
        [one] => Some(wrapped(one, width)),
        several => {
            let mut text = String::from("any one of these fits");
            for (i, help) in several.iter().enumerate() {
                let number = format!("{}. ", i + 1);
                let help = wrapped(help, width - number.len());
                let help = help.replace('\n', &format!("\n{:1$}", "", number.len()));
                let _ = write!(text, "\n{number}{help}");
            }
            Some(text)
        }
    }
}

/// A text on one line: what it quotes from a file may have several.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without characters that a terminal obeys.
fn clean(text: &str) -> String {
    normalize_untrusted_str(text).replace(is_control, "·")
}

/// A text whose long lines are broken at blanks; what is indented stays so.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_end().lines() {
        if line.chars().count() <= width {
            lines.push(line.to_owned());
            continue;
        }
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let mut current = indent.clone();
        for word in line.split_whitespace() {
            let is_first = current.len() == indent.len();
            if !is_first && current.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::replace(&mut current, indent.clone()));
            } else if !is_first {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Sources, Span};

    const PLAIN: RenderStyle = RenderStyle { colour: false, width: 100 };

    fn span(sources: &Sources, file: FileId, text: &str) -> Span {
        let start = sources.get(file).text.find(text).unwrap() as u32;
        Span { file, start, end: start + text.len() as u32 }
    }

    fn error(message: &str) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: "shape",
            message: message.to_owned(),
            span: None,
            label: None,
            labels: Vec::new(),
            chain: Vec::new(),
            listing: String::new(),
            notes: Vec::new(),
            helps: Vec::new(),
        }
    }

    fn rendered(sources: Sources, diagnostic: Diagnostic) -> String {
        Report { sources, diagnostics: vec![diagnostic] }.render(PLAIN)
    }

    #[test]
    fn all_parts_of_a_message() {
        let mut sources = Sources::default();
        sources.add("torch.py", "", true);
        let net = "from .head import Head\n\nclass Net(nn.Module):\n\tdef __init__(self):\n\t\tself.head = Head(400)\n\
                   \n\tdef forward(self, x):\n\t\treturn self.head(x)\n\nnet = Net()\n";
        let net = sources.add("net.py", net, false);
        let head = sources.add("head.py", "def Head(n):\r\n    return nn.Linear(n, 10)  # 漢字\r\n", false);
        let at = |file, text| span(&sources, file, text);
        let diagnostic = Diagnostic {
            span: Some(at(net, "self.head(x)")),
            label: Some("4096 features arrive".to_owned()),
            labels: vec![
                (at(net, "Head(400)"), "400 are given".to_owned()),
                (at(head, "nn.Linear(n, 10)"), "made here".to_owned()),
            ],
            chain: vec![(at(net, "Net()"), None), (at(net, "self.head(x)"), Some("Net.forward".to_owned()))],
            listing: "  input  16×16×16\n→ head   4096 ≠ 400".to_owned(),
            notes: vec!["16 × 16 × 16 = 4096".to_owned()],
            helps: vec!["take 4096".to_owned(), format!("take{}", " a smaller image".repeat(8))],
            ..error("Linear takes 400 features, 4096 arrive")
        };
        let expected = "\
error[shape]: Linear takes 400 features, 4096 arrive
 --> net.py:8:10
  |
5 |         self.head = Head(400)
  |                     --------- 400 are given
...
8 |         return self.head(x)
  |                ^^^^^^^^^^^^ 4096 features arrive
  |
 ::: head.py:2:12
  |
2 |     return nn.Linear(n, 10)  # 漢字
  |            ---------------- made here
  |
  = the calls that led here
        net.py:10  top level  net = Net()
  = the layers so far
          input  16×16×16
        → head   4096 ≠ 400
  = note: 16 × 16 × 16 = 4096
  = help: any one of these fits
          1. take 4096
          2. take a smaller image a smaller image a smaller image a smaller image a smaller
             image a smaller image a smaller image a smaller image
";
        assert_eq!(rendered(sources, diagnostic), expected);
    }

    #[test]
    fn deep_recursion_is_told_once() {
        let mut sources = Sources::default();
        let file = sources.add("net.py", "def f(n): return f(n - 1)\ndef g(): return f(1) + g()\n", false);
        let f = (span(&sources, file, "f(n - 1)"), Some("f".to_owned()));
        let g = (span(&sources, file, "g()\n"), Some("g".to_owned()));
        let many = Diagnostic { chain: vec![f.clone(); 990], ..error("too deep") };
        let text = rendered(sources.clone(), many);
        assert!(text.contains("net.py:1  in f  def f(n): return f(n - 1)  (990 times)"), "{text}");
        let chain = (0..495).flat_map(|_| [f.clone(), g.clone()]).collect();
        let text = rendered(sources, Diagnostic { chain, ..error("too deep") });
        assert!(text.contains("… 980 more calls"), "{text}");
        assert_eq!(text.lines().count(), 14, "{text}");
    }

    #[test]
    fn a_cut_line_keeps_its_column() {
        let mut sources = Sources::default();
        let text = format!("{}oops{}", "1, ".repeat(400_000), ", 2".repeat(400_000));
        let file = sources.add("net.py", text, false);
        let span = span(&sources, file, "oops");
        let text = rendered(sources, Diagnostic { span: Some(span), ..error("long") });
        assert!(text.contains("net.py:1:1200001"), "{text}");
        assert!(text.contains("oops, 2") && text.lines().all(|line| line.chars().count() < 110), "{text}");
    }

    #[test]
    fn any_text_and_any_range_can_be_shown() {
        let noise = (0..2000u32).filter_map(|i| char::from_u32(i.wrapping_mul(2_654_435_761) % 0x11_0000));
        let low = (0..600u32).filter_map(|i| char::from_u32((i * 7919 + 13) % 0x180));
        let texts = [
            String::new(),
            "\n".to_owned(),
            " \t\r\n\r\r\n".to_owned(),
            "\u{feff}x = 漢字\t'é\u{301}😀\u{200d}👩'\r\n\ty = (\r".to_owned(),
            noise.collect(),
            low.collect(),
            "\u{301}".repeat(500),
            "漢".repeat(500),
            "\t".repeat(500) + "x",
            "a\n".repeat(300),
        ];
        for text in texts {
            let length = text.len() as u32;
            let steps: Vec<u32> = (0..=length.min(12)).chain((0..=length + 7).step_by(397)).collect();
            let mut sources = Sources::default();
            let file = sources.add("net.py", text.clone(), false);
            for &start in &steps {
                for end in [0, start, start + 1, start + 5, start + 300, length, u32::MAX] {
                    let spans = [Span { file, start, end }, Span { file, start: end / 2, end }];
                    let diagnostic = Diagnostic {
                        span: Some(spans[0]),
                        label: Some("a\u{1b}[31m\u{9b}31m".to_owned()),
                        labels: vec![(spans[1], "b\nc".to_owned()), (spans[0], "d".to_owned())],
                        chain: vec![(spans[1], Some("f".to_owned()))],
                        notes: vec!["\u{1b}[31m".to_owned()],
                        ..error("x\n\u{1b}[31my")
                    };
                    let report = Report { sources: sources.clone(), diagnostics: vec![diagnostic] };
                    for width in [0, 60, usize::MAX] {
                        let text = report.render(RenderStyle { colour: false, width });
                        assert!(!text.contains(['\u{1b}', '\u{9b}', '\r', '\t']), "{text:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn colours_are_given_where_they_are_wanted() {
        let mut sources = Sources::default();
        sources.add("net.py", "x", false);
        let listing = "  a\n→ b\n".to_owned();
        let report = Report { sources, diagnostics: vec![Diagnostic { listing, ..error("m") }] };
        assert!(report.render(RenderStyle { colour: true, ..PLAIN }).contains("\u{1b}[1;91m→ b\u{1b}[0m"));
        assert!(!report.render(PLAIN).contains('\u{1b}'));
    }

    #[test]
    fn long_listings_lose_their_middle() {
        let mut sources = Sources::default();
        sources.add("net.py", "x", false);
        let listing = (0..200).map(|i| format!("  layer{i}\n")).collect();
        let text = rendered(sources, Diagnostic { listing, ..error("m") });
        assert!(text.contains("layer2\n         … 181 more\n         layer184\n"), "{text}");
    }
}
