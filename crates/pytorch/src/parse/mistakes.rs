//! What the parser found wrong, in words for learners: one mistake for each that was made, and what mends it.

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_text_size::Ranged;

use super::syntax;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

/// Mistakes of one file that are told.
const MOST: usize = 3;
/// How deep Python lets brackets and blocks nest.
const DEEPEST: (usize, usize) = (200, 100);

/// A mistake as the parser tells it.
pub(super) struct Found {
    pub(super) message: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A file with a mistake.
struct File<'a> {
    file: FileId,
    text: &'a str,
}

/// The mistakes of a file: the first of a line, and none that only follow from one before.
pub(super) fn told(file: FileId, text: &str, tokens: &Tokens, found: &[Found]) -> Vec<Diagnostic> {
    let file = File { file, text };
    if let Some(deep) = file.too_deep(tokens) {
        return vec![deep];
    }
    let Some(first) = found.first() else { return Vec::new() };
    if let Some(quote) = file.open_string(found).or_else(|| file.foreign(found)) {
        return vec![quote];
    }
    if let Some(bracket) = file.bracket(tokens) {
        return vec![bracket];
    }
    if first.message.to_lowercase().contains("indent") {
        return vec![file.indentation(first)];
    }
    let mut told: Vec<(usize, Diagnostic)> = Vec::new();
    for one in found {
        let line = file.line_start(one.start);
        if one.message.to_lowercase().contains("indent") || told.len() == MOST {
            break;
        }
        if told.iter().all(|(known, _)| *known != line) {
            told.push((line, file.mistake(one)));
        }
    }
    told.into_iter().map(|(_, diagnostic)| diagnostic).collect()
}

impl File<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// The line of a place, and where it starts.
    fn line(&self, at: usize) -> (usize, &str) {
        let start = self.line_start(at);
        (start, self.text[start..].lines().next().unwrap_or_default())
    }

    fn number(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    fn error(&self, message: impl Into<String>, (start, end): (usize, usize), help: String) -> Diagnostic {
        let mut diagnostic = syntax(message.into(), Some(self.span(start, end)));
        diagnostic.helps.push(help);
        diagnostic
    }

    /// Brackets or blocks within more of their kind than Python takes.
    fn too_deep(&self, tokens: &Tokens) -> Option<Diagnostic> {
        let (mut brackets, mut blocks) = (0_usize, 0_usize);
        for token in tokens.iter() {
            match token.kind() {
                TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => brackets += 1,
                TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                    brackets = brackets.saturating_sub(1);
                }
                TokenKind::Indent => blocks += 1,
                TokenKind::Dedent => blocks = blocks.saturating_sub(1),
                _ => {}
            }
            let at = (token.start().to_usize(), token.end().to_usize());
            if brackets > DEEPEST.0 {
                let message = format!("more than {} brackets within each other", DEEPEST.0);
                let help = "give the inner parts names in statements of their own".to_owned();
                return Some(self.error(message, at, help));
            }
            if blocks > DEEPEST.1 {
                let message = format!("more than {} blocks within each other", DEEPEST.1);
                let help = "put the inner blocks into functions of their own".to_owned();
                let (start, line) = self.line(at.1);
                return Some(self.error(message, (at.1, at.1.max(start + line.trim_end().len())), help));
            }
        }
        None
    }

    /// A string without its end, on whose line everything is read wrong.
    fn open_string(&self, found: &[Found]) -> Option<Diagnostic> {
        let open = found.iter().find(|one| {
            let message = one.message.to_lowercase();
            message.contains("closing quote") || message.contains("unterminated")
        })?;
        let (start, line) = self.line(open.start);
        let quotes = ['"', '\''].into_iter().find(|&quote| line.matches(quote).count() % 2 == 1);
        let Some(quote) = quotes else {
            let help = "close it with three quotes of the kind that opens it".to_owned();
            return Some(self.error("a string is not closed", (open.start, open.end), help));
        };
        let count = line.matches(quote).count();
        if count == 1 {
            let at = start + line.find(quote).unwrap_or(0);
            let help = format!("close it with `{quote}` where the text ends");
            return Some(self.error("a string is not closed", (at, start + line.trim_end().len()), help));
        }
        let indent = line.len() - line.trim_start().len();
        let at = (start + indent, start + line.trim_end().len());
        let help = format!(
            "each string opens and closes with `{quote}`, and this line has {count} of them: see where one is missing"
        );
        Some(self.error("a string is not closed", at, help))
    }

    /// A character that word processors and web pages put in the place of one of Python's.
    fn foreign(&self, found: &[Found]) -> Option<Diagnostic> {
        let one = found.iter().find(|one| one.message.contains("unexpected token"))?;
        let c = self.text[one.start..].chars().next()?;
        let at = (one.start, one.start + c.len_utf8());
        let code = format!("U+{:04X}", u32::from(c));
        Some(match plain(c) {
            Some(plain) => {
                let help = format!(
                    "write {plain} in its place: word processors and web pages change Python's own characters"
                );
                self.error(format!("`{c}` ({code}) is no character of Python's"), at, help)
            }
            None => {
                let help = "leave it out, or put it into a string or a comment".to_owned();
                self.error(format!("`{c}` ({code}) means nothing in Python"), at, help)
            }
        })
    }

    /// A bracket without its partner: what the parser expects behind it follows from that alone.
    fn bracket(&self, tokens: &Tokens) -> Option<Diagnostic> {
        let mut open: Vec<(char, usize)> = Vec::new();
        for token in tokens.iter() {
            let at = token.start().to_usize();
            let (opening, closing) = match token.kind() {
                TokenKind::Lpar => {
                    open.push(('(', at));
                    continue;
                }
                TokenKind::Lsqb => {
                    open.push(('[', at));
                    continue;
                }
                TokenKind::Lbrace => {
                    open.push(('{', at));
                    continue;
                }
                TokenKind::Rpar => ('(', ')'),
                TokenKind::Rsqb => ('[', ']'),
                TokenKind::Rbrace => ('{', '}'),
                _ => continue,
            };
            match open.pop() {
                Some((last, _)) if last == opening => {}
                Some((last, started)) => {
                    let help = format!(
                        "close the `{last}` of line {} with `{}`",
                        self.number(started),
                        closes(last)
                    );
                    let message = format!("`{closing}` does not close `{last}`");
                    let mut error = self.error(message, (at, at + 1), help);
                    error.labels.push((self.span(started, started + 1), format!("this `{last}` is open")));
                    return Some(error);
                }
                None => {
                    let help = format!("leave it out, or open a `{opening}` before it");
                    return Some(self.error(format!("`{closing}` closes nothing"), (at, at + 1), help));
                }
            }
        }
        let (last, at) = open.pop()?;
        let help = format!("count the brackets of line {}: a `{}` is missing", self.number(at), closes(last));
        Some(self.error(format!("`{last}` is never closed"), (at, at + 1), help))
    }

    fn indentation(&self, one: &Found) -> Diagnostic {
        let (start, line) = self.line(one.start);
        let indent = line.len() - line.trim_start().len();
        let at = (start + indent, start + line.trim_end().len().max(indent));
        let at = if at.0 == at.1 { (one.start, one.end) } else { at };
        let has = |c: char| {
            self.text.lines().any(|line| {
                let indent = line.len() - line.trim_start().len();
                line[..indent].contains(c)
            })
        };
        let help = if has('\t') && has(' ') {
            "some lines of this file are indented with tabs, others with spaces: use four spaces for each level, \
             no tabs"
        } else if one.message.contains("Expected an indented block") {
            "indent the lines that belong to it by four spaces more"
        } else {
            "the lines of a block start in the same column: four spaces for each level"
        };
        self.error(lower(&one.message), at, help.to_owned())
    }

    /// One mistake, with what mends it where it is a common one.
    fn mistake(&self, one: &Found) -> Diagnostic {
        let Found { message, start, end } = one;
        let (line_start, line) = self.line(*start);
        let code = line.trim();
        let before = self.text[..*start].trim_end();
        if let Some(common) = self.common(one, code, before) {
            return common;
        }
        let mut diagnostic = syntax(lower(message), Some(self.span(*start, *end)));
        let opens = [
            "def ", "class ", "for ", "while ", "if ", "elif ", "else", "try", "except", "with ", "finally",
            "match ", "case ",
        ];
        if message.contains("Expected `:`") && opens.iter().any(|word| code.starts_with(word)) {
            diagnostic.helps.push("end the line with a colon".into());
        } else if code.starts_with("print ") && !code.starts_with("print (") {
            diagnostic.helps.push("`print` is a function in Python 3: print(…)".into());
        } else if code.starts_with(">>>") || code.starts_with("...") {
            diagnostic.helps.push("leave out Python's prompt, `>>>` and `...`, in front of the lines".into());
        } else if code.starts_with(['%', '!']) {
            diagnostic.helps.push("a notebook's command is no Python: leave the line out".into());
        } else if message.contains("must be separated") {
            let digits = code.trim_start_matches(|c: char| c.is_ascii_digit());
            if digits.len() < code.len() && digits.starts_with([' ', '\t', ':', '|']) {
                diagnostic.helps.push(
                    "is this the number of the line, pasted with it? Leave out the numbers in front of the lines".into(),
                );
                diagnostic.span = Some(self.span(
                    line_start,
                    line_start + line.len() - line.trim_start().len() + code.len() - digits.len(),
                ));
                diagnostic.message = "a number stands in front of the statement".into();
            } else {
                diagnostic.helps.push(
                    "is an operator, a comma or a bracket missing here? A line holds one statement".into(),
                );
            }
        } else {
            diagnostic.label = Some("Python cannot read on from here".into());
        }
        diagnostic
    }

    fn common(&self, one: &Found, code: &str, before: &str) -> Option<Diagnostic> {
        let Found { message, start, end } = one;
        let (start, end) = (*start, *end);
        let word: String =
            self.text[start..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let tests = ["if ", "elif ", "while "].iter().any(|word| code.starts_with(word));
        if tests && message.contains("found `=`") {
            let help = "`==` compares two values; `=` gives a name its value".to_owned();
            return Some(self.error("`=` does not compare", (start, end), help));
        }
        if (before.ends_with("++") || before.ends_with("--")) && message.contains("Expected an expression") {
            let sign = &before[before.len() - 1..];
            let name = code.split([' ', '+', '-', ';']).next().unwrap_or("i");
            let help = format!("write `{name} {sign}= 1`");
            let message = format!("Python has no `{sign}{sign}`");
            return Some(self.error(message, (before.len() - 2, before.len()), help));
        }
        if KEYWORDS.contains(&&*word) && message.starts_with("Expected") {
            let after = self.text[start + word.len()..].trim_start();
            let as_name =
                before.ends_with(['(', ',', '.']) || before.ends_with("def") || before.ends_with("class");
            let assigned = after.starts_with('=') && !after.starts_with("==");
            if as_name && (assigned || after.starts_with([',', ')', '(', ':', '.'])) {
                let help = format!("take another name, such as `{word}_`");
                let message = format!("`{word}` is a word of Python's own and cannot be a name");
                return Some(self.error(message, (start, start + word.len()), help));
            }
        }
        if message.contains("Positional argument cannot follow keyword") {
            let help = "put it before the arguments that have names, or give it its own: `name=…`";
            let message = "an argument without a name stands behind one with a name";
            return Some(self.error(message, (start, end), help.to_owned()));
        }
        if message.contains("Expected `,`, found") {
            let same_line = self.line_start(before.len()) == self.line_start(start);
            let help = if same_line {
                "is a comma missing in front of it?".to_owned()
            } else {
                format!("is a comma missing at the end of line {}?", self.number(before.len()))
            };
            let mut error = self.error(lower(message), (start, end), help);
            if !same_line {
                error
                    .labels
                    .push((self.span(before.len().saturating_sub(1), before.len()), "after this".into()));
            }
            return Some(error);
        }
        None
    }
}

/// Python's own words.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

fn closes(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// What is meant by a character that looks like one of Python's.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        '“' | '”' | '„' | '«' | '»' | '″' | '＂' => "a straight quote, \",",
        '‘' | '’' | '‚' | '′' | '´' | '`' => "a straight quote, ',",
        '–' | '—' | '−' | '‐' => "a minus, -,",
        '×' | '·' | '∗' => "*",
        '÷' => "/",
        '（' => "(",
        '）' => ")",
        '，' | '、' => "a comma",
        '：' => "a colon",
        '；' => "a semicolon",
        '\u{a0}' | '\u{2009}' | '\u{3000}' | '\u{200b}' | '\u{feff}' => "a space",
        _ => return None,
    })
}

/// A headline as the others are written.
fn lower(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
