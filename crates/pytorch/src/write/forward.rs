//! The code of a class: its `__init__` and its `forward`.

use std::collections::HashMap;

use super::body::{Body, Held, Item, Loop, Ref, What};
use super::layers::Function;
use super::names;
use super::term::{Term, container};
use super::text::{Doc, Lines, WIDTH, quoted};

/// The columns of one level.
const INDENT: usize = 4;

/// What is written of a body: its modules and its steps.
pub(super) struct Code<'a> {
    body: &'a Body,
    /// A text for each number of each item.
    texts: Vec<Vec<String>>,
    /// Whether the modules are the entries of an `nn.ModuleList`.
    pub(super) numbered: bool,
}

impl<'a> Code<'a> {
    pub(super) fn new(body: &'a Body, texts: &[String]) -> Self {
        let mut texts = texts.iter().cloned();
        let texts =
            body.items.iter().map(|item| texts.by_ref().take(item.what.leaves().len()).collect()).collect();
        let mut tops: Vec<&str> = Vec::new();
        for item in body.items.iter().filter(|item| item.is_module()) {
            if tops.last() != Some(&item.name[0].as_str()) {
                tops.push(&item.name[0]);
            }
        }
        let plain = |item: &Item| !matches!(item.what, What::Loop(_) | What::Optional(..));
        let numbered = names::are_numbers(&tops)
            && body.items.iter().all(plain)
            && body.containers.iter().all(|held| !held.in_layer);
        Self { body, texts, numbered }
    }

    /// The statements of `__init__` behind `super().__init__()`, or with it if the modules are a list's entries.
    pub(super) fn modules(&self, lines: &mut Lines, depth: usize) {
        let mut done: Vec<&str> = Vec::new();
        let mut parts = Vec::new();
        let mut later: Vec<(String, Doc)> = Vec::new();
        let mut statements: Vec<usize> = Vec::new();
        for (at, item) in self.body.items.iter().enumerate().filter(|(_, item)| item.is_module()) {
            let top = item.name[0].as_str();
            let direct = matches!(&item.what, What::Loop(run) if run.container.is_none());
            if direct || !done.contains(&top) {
                done.push(top);
                statements.push(at);
            }
        }
        for at in statements {
            let item = &self.body.items[at];
            let top = &item.name[..1];
            if let What::Loop(run) = &item.what {
                self.add_loop(run, at, lines, depth);
                continue;
            }
            let doc = self.module(top, &mut later);
            let Some(doc) = doc else { continue };
            match &item.what {
                _ if self.numbered => parts.push(doc),
                What::Optional(..) => {
                    lines.line(depth, &format!("self.{} = None", top[0]));
                    lines.line(depth, &format!("if {}:", self.texts[at][0]));
                    lines.statement(depth + 1, &format!("self.{} = ", top[0]), &doc, "");
                    if let What::Optional(_, flags) = &item.what
                        && let Some(flag) = flags.get(1)
                    {
                        let name = names::cleaned(&flag.place);
                        lines.line(depth, &format!("self.{name} = {}", self.texts[at][1]));
                    }
                }
                _ => assign(lines, depth, "self", &top[0], doc),
            }
        }
        if self.numbered {
            lines.statement(depth, "super().__init__(", &Doc::list(parts, true), ")");
        }
        for (owner, doc) in later {
            lines.statement(depth, &owner, &doc, "");
        }
    }

    /// The module at a path; what can only be put into it later is added to `later`.
    fn module(&self, path: &[String], later: &mut Vec<(String, Doc)>) -> Option<Doc> {
        let own = self.body.items.iter().position(|item| item.is_module() && item.name == path);
        let held = self.body.containers.iter().find(|held| held.path == path);
        let own_doc =
            own.filter(|&at| !matches!(self.body.items[at].what, What::Loop(_))).map(|at| self.layer(at));
        let Some(held) = held else { return own_doc };
        let mut children: Vec<String> = Vec::new();
        let below = self.body.items.iter().filter(|item| item.is_module()).map(|item| &item.name);
        for name in below.filter(|name| name.len() > path.len() && name[..path.len()] == *path) {
            if !children.contains(&name[path.len()]) {
                children.push(name[path.len()].clone());
            }
        }
        let looped = self.body.items.iter().position(|item| match &item.what {
            What::Loop(run) => path.len() == 1 && run.container.as_deref() == Some(&path[0]),
            _ => false,
        });
        if let (Some(at), [Item { what: What::Loop(run), .. }]) = (looped, &self.items_in(path)[..]) {
            return Some(self.repeated(run, at, held.class));
        }
        let (mut kept, mut docs) = (Vec::new(), Vec::new());
        for child in children {
            let mut inner = path.to_vec();
            inner.push(child.clone());
            let Some(doc) = self.module(&inner, later) else { continue };
            if held.in_layer {
                later.push((format!("{}.add_module({}, ", self.access(path), quoted(&child)), close(doc)));
            } else if held.class == "nn.ModuleDict" && !names::is_free(&child) {
                later.push((format!("{}._modules[{}] = ", self.access(path), quoted(&child)), doc));
            } else {
                kept.push(child);
                docs.push(doc);
            }
        }
        if held.in_layer {
            return own_doc;
        }
        let named = held.class == "nn.ModuleDict";
        Some(container(held.class, named.then_some(&kept[..]), docs))
    }

    fn items_in(&self, path: &[String]) -> Vec<Item> {
        let inside = |item: &&Item| {
            item.is_module() && item.name.len() > path.len() && item.name[..path.len()] == *path
        };
        self.body.items.iter().filter(inside).cloned().collect()
    }

    fn layer(&self, at: usize) -> Doc {
        let texts = &self.texts[at];
        match &self.body.items[at].what {
            What::Module(term) => term.doc(&mut texts.iter().cloned()),
            What::Optional(term, flags) => term.doc(&mut texts.iter().skip(flags.len()).cloned()),
            What::Loop(_) | What::Again(_) | What::Function(_) => Doc::text("None"),
        }
    }

    /// The modules of a loop in a container.
    fn repeated(&self, run: &Loop, at: usize, class: &str) -> Doc {
        let (count, element) = self.element(run, at);
        let star = if class == "nn.Sequential" { "*[" } else { "[" };
        let each = format!("for i in range({count})");
        let list = Doc::Each { open: star.into(), element: Box::new(element), each, close: "]".into() };
        Doc::call(class, vec![list])
    }

    fn add_loop(&self, run: &Loop, at: usize, lines: &mut Lines, depth: usize) {
        if let Some(held) = &run.container {
            let mut later = Vec::new();
            if let Some(doc) = self.module(std::slice::from_ref(held), &mut later) {
                assign(lines, depth, "self", held, doc);
            }
            return;
        }
        let (count, element) = self.element(run, at);
        lines.line(depth, &format!("for i in range({count}):"));
        let doc = match element {
            Doc::Group { open, parts, close, tall } => Doc::Group { open, parts, close: close + ")", tall },
            other => other,
        };
        lines.statement(depth + 1, &format!("self.add_module({}, ", loop_name(run)), &doc, "");
    }

    /// How many modules a loop has, and the one of number `i`.
    fn element(&self, run: &Loop, at: usize) -> (String, Doc) {
        let texts = &self.texts[at];
        let leaves = run.term.leaves().len();
        let (bases, steps) = (&texts[1..=leaves], &texts[1 + leaves..]);
        let number = |(base, step): (&String, &String)| match step.as_str() {
            "0" => base.clone(),
            "1" => format!("{base} + i"),
            step => format!("{base} + i * {step}"),
        };
        let mut numbers = bases.iter().zip(steps).map(number);
        (texts[0].clone(), run.term.doc(&mut numbers))
    }

    /// The module at a path, as an expression.
    fn access(&self, path: &[String]) -> String {
        let mut text = match &path[0] {
            name if self.numbered => format!("self[{name}]"),
            name if names::is_attribute(name) => format!("self.{name}"),
            name if names::is_free(name) => format!("getattr(self, {})", quoted(name)),
            name => format!("self._modules[{}]", quoted(name)),
        };
        for (i, name) in path.iter().enumerate().skip(1) {
            let held = self.body.containers.iter().find(|held| held.path == path[..i]);
            text += &match held.map_or(("", true), |held: &Held| (held.class, held.in_layer)) {
                (_, true) if names::is_attribute(name) => format!(".{name}"),
                (_, true) => format!(".get_submodule({})", quoted(name)),
                ("nn.ModuleDict", _) if names::is_free(name) => format!("[{}]", quoted(name)),
                ("nn.ModuleDict", _) => format!("._modules[{}]", quoted(name)),
                _ => format!("[{name}]"),
            };
        }
        text
    }

    /// The parameters of `forward`.
    pub(super) fn inputs(&self) -> Vec<String> {
        ["x", "y", "z"].iter().take(self.body.inputs).map(|name| (*name).to_owned()).collect()
    }

    /// The statements of `forward`. The names of auxiliary outputs are those behind the first; `outputs` makes a result of
    /// all of them.
    pub(super) fn steps(&self, lines: &mut Lines, depth: usize, outputs: Option<&str>) {
        let mut steps = Steps::new(self);
        for at in 0..self.body.items.len() {
            steps.step(at, lines, depth);
        }
        let results: Vec<String> = self.body.results.iter().map(|&result| steps.text(result)).collect();
        if let (Some(outputs), true) = (outputs, results.len() > 1) {
            lines.line(depth, "if self.training:");
            let parts = results.iter().map(Doc::text).collect();
            lines.statement(depth + 1, "return ", &Doc::call(outputs, parts), "");
        }
        lines.statement(depth, "return ", &doc(&results[0]), "");
    }
}

impl Item {
    pub(super) fn is_module(&self) -> bool {
        match &self.what {
            What::Module(_) | What::Loop(_) | What::Optional(..) => true,
            What::Again(_) | What::Function(_) => false,
        }
    }
}

fn close(doc: Doc) -> Doc {
    match doc {
        Doc::Group { open, parts, close, tall } => Doc::Group { open, parts, close: close + ")", tall },
        other => Doc::Text(other.flat() + ")"),
    }
}

/// Puts a module into another.
fn assign(lines: &mut Lines, depth: usize, owner: &str, name: &str, doc: Doc) {
    if names::is_attribute(name) {
        lines.statement(depth, &format!("{owner}.{name} = "), &doc, "");
    } else if names::is_free(name) {
        lines.statement(depth, &format!("{owner}.add_module({}, ", quoted(name)), &close(doc), "");
    } else {
        lines.statement(depth, &format!("{owner}._modules[{}] = ", quoted(name)), &doc, "");
    }
}

/// The name of a loop's module number `i`.
fn loop_name(run: &Loop) -> String {
    let number = match run.first {
        0 => "i".to_owned(),
        first => format!("i + {first}"),
    };
    if run.prefix.is_empty() { format!("str({number})") } else { format!("f\"{}{{{number}}}\"", run.prefix) }
}

/// A `forward` while it is written.
struct Steps<'a> {
    code: &'a Code<'a>,
    /// The expressions of values: a variable's name, or what is not in a variable yet.
    texts: HashMap<Ref, String>,
    /// The first item of an expression that is in no variable.
    pending: HashMap<usize, usize>,
    /// The last item that reads each value; results are read at the end.
    last: HashMap<Ref, usize>,
    uses: HashMap<Ref, usize>,
    /// Which items are for auxiliary outputs alone.
    auxiliary: Vec<bool>,
}

impl<'a> Steps<'a> {
    fn new(code: &'a Code<'a>) -> Self {
        let body = code.body;
        let mut last = HashMap::new();
        for (at, item) in body.items.iter().enumerate() {
            for &read in &item.reads {
                last.insert(read, at);
            }
        }
        for &result in &body.results {
            last.insert(result, body.items.len());
        }
        let mut needed = vec![false; body.items.len()];
        let mut open: Vec<Ref> = body.results.first().copied().into_iter().collect();
        while let Some(read) = open.pop() {
            if let Ref::Item(at) = read
                && !std::mem::replace(&mut needed[at], true)
            {
                open.extend(&body.items[at].reads);
            }
        }
        let mut texts = HashMap::new();
        for (i, name) in code.inputs().into_iter().enumerate() {
            texts.insert(Ref::Input(i), name);
        }
        let auxiliary = needed.into_iter().map(|needed| !needed).collect();
        Self { code, texts, pending: HashMap::new(), last, uses: body.uses(), auxiliary }
    }

    fn text(&self, read: Ref) -> String {
        self.texts.get(&read).cloned().unwrap_or_else(|| "x".into())
    }

    fn step(&mut self, at: usize, lines: &mut Lines, depth: usize) {
        let item = &self.code.body.items[at];
        if let What::Loop(run) = &item.what {
            self.run_loop(run, at, lines, depth);
            return;
        }
        if let What::Optional(_, flags) = &item.what {
            self.choose(at, flags.len() > 1, lines, depth);
            return;
        }
        let text = self.expression(at);
        let own = Ref::Item(at);
        let start = self.start(at);
        if self.waits(at, &text) {
            self.pending.insert(at, start);
            self.texts.insert(own, text);
            return;
        }
        let guarded = self.auxiliary[at] && self.code.body.results.contains(&own) && start == at;
        let variable = self.variable(at);
        let after = if guarded { " if self.training else None" } else { "" };
        lines.statement(depth, &format!("{variable} = "), &doc(&text), after);
        self.texts.insert(own, variable);
    }

    /// Whether an expression becomes part of the next statement.
    fn waits(&self, at: usize, text: &str) -> bool {
        let body = self.code.body;
        let own = Ref::Item(at);
        if self.uses.get(&own) != Some(&1) {
            return false;
        }
        // The main result behind which nothing else runs is returned as it is.
        if body.results[0] == own {
            return at + 1 == body.items.len() && body.results.len() == 1;
        }
        let Some(&reader) = self.last.get(&own).filter(|&&reader| reader < body.items.len()) else {
            return false;
        };
        let next = &body.items[reader];
        let light = match &next.what {
            What::Module(Term::Layer { light, .. }) => *light,
            What::Again(first) => {
                matches!(&body.items[*first].what, What::Module(Term::Layer { light: true, .. }))
            }
            _ => false,
        };
        let most = match next.what {
            What::Function(function) if function.is_operator() => WIDTH / 3,
            _ => WIDTH - 30,
        };
        if text.chars().count() > most || (light && !self.fits_around(reader, text)) {
            return false;
        }
        if light {
            return reader == at + 1;
        }
        let joins = matches!(next.what, What::Function(function) if function != Function::Flatten);
        if !joins || self.auxiliary[at] {
            return false;
        }
        // All that runs up to the reader must be operands of it behind this one, so that they run in the same order.
        let Some(operand) = next.reads.iter().position(|&read| read == own) else { return false };
        let mut operands = next.reads[operand + 1..].iter();
        let mut last = at;
        (at + 1..reader).all(|between| {
            let value = Ref::Item(between);
            let chained =
                body.items[between].reads == [Ref::Item(last)] && self.uses.get(&Ref::Item(last)) == Some(&1);
            let is_operand = next.reads.contains(&value);
            let simple = matches!(body.items[between].what, What::Module(_) | What::Again(_));
            last = between;
            let inner = !is_operand
                && body.items[between + 1..=reader].first().is_some_and(|item| item.reads == [value])
                && self.light(between + 1);
            simple
                && self.uses.get(&value) == Some(&1)
                && (inner || (is_operand && operands.any(|&read| read == value)))
                && (!chained || self.light(between))
        })
    }

    /// Whether the statement that applies a module to an expression fits a line.
    fn fits_around(&self, reader: usize, text: &str) -> bool {
        let item = &self.code.body.items[reader];
        let called = match item.what {
            What::Again(first) => &self.code.body.items[first].name,
            _ => &item.name,
        };
        // The shortest variable, unless it is one for a concatenation.
        let joins = |reader: &usize| {
            let item = self.code.body.items.get(*reader);
            item.is_some_and(|item| item.what == What::Function(Function::Concat))
        };
        let variable = match self.last.get(&Ref::Item(reader)).is_some_and(joins) {
            true => item.name.last().map_or(1, |name| name.chars().count()),
            false => 1,
        };
        let call = self.code.access(called).chars().count() + "()".len() + text.chars().count();
        2 * INDENT + variable + " = ".len() + call <= WIDTH
    }

    fn light(&self, at: usize) -> bool {
        match &self.code.body.items[at].what {
            What::Module(Term::Layer { light, .. }) => *light,
            What::Again(first) => {
                matches!(&self.code.body.items[*first].what, What::Module(Term::Layer { light: true, .. }))
            }
            _ => false,
        }
    }

    /// The first item of an expression.
    fn start(&self, at: usize) -> usize {
        let reads = &self.code.body.items[at].reads;
        let starts = reads.iter().filter_map(|read| match read {
            Ref::Item(item) => self.pending.get(item).copied(),
            Ref::Input(_) => None,
        });
        starts.min().unwrap_or(at)
    }

    fn expression(&self, at: usize) -> String {
        let item = &self.code.body.items[at];
        let reads: Vec<String> = item.reads.iter().map(|&read| self.text(read)).collect();
        let module = match &item.what {
            What::Function(function) => return applied(*function, &reads),
            What::Again(first) => &self.code.body.items[*first],
            What::Module(_) | What::Loop(_) | What::Optional(..) => item,
        };
        let called = self.code.access(&module.name);
        match &module.what {
            What::Module(term) if term.is_parameter() => format!("{called} * {}", inner(&reads[0])),
            _ => format!("{called}({})", reads.join(", ")),
        }
    }

    /// The variable of an item's output: the name of what it reads and nobody reads later, else a new one.
    fn variable(&self, at: usize) -> String {
        let body = self.code.body;
        // Values inside of expressions count as read where the expression is.
        let alive: Vec<&String> = self
            .texts
            .iter()
            .filter(|(read, _)| self.last.get(read).is_some_and(|&last| last > at))
            .map(|(_, text)| text)
            .collect();
        let is_free = |name: &str| !alive.iter().any(|text| *text == name);
        let mut inputs: Vec<Ref> = body.items[at].reads.clone();
        let mut tried = Vec::new();
        while let Some(read) = inputs.pop() {
            match read {
                Ref::Item(item) if self.pending.contains_key(&item) => inputs.extend(&body.items[item].reads),
                read => tried.push(self.text(read)),
            }
        }
        tried.sort_by_key(|name| match name.as_str() {
            "x" => 0,
            "out" => 1,
            _ => 2,
        });
        if body.results.iter().skip(1).any(|&result| result == Ref::Item(at)) && self.auxiliary[at] {
            tried.clear();
        }
        if let Some(name) = tried.into_iter().find(|name| is_free(name)) {
            return name;
        }
        let joined = |reader: &usize| {
            body.items.get(*reader).is_none_or(|item| matches!(item.what, What::Function(Function::Concat)))
        };
        let name = body.items[at].name.last().map_or("", String::as_str);
        let own = self.last.get(&Ref::Item(at)).is_some_and(joined) || self.auxiliary[at];
        let named = own && names::is_variable(name) && name.len() > 1;
        let usual = ["out", "y", "z"].into_iter().map(str::to_owned).chain((2..).map(|i| format!("out{i}")));
        let choices = named.then(|| name.to_owned()).into_iter().chain(usual);
        choices.into_iter().find(|name| is_free(name)).unwrap_or_default()
    }

    /// A module that may not be there.
    fn choose(&mut self, at: usize, three: bool, lines: &mut Lines, depth: usize) {
        let item = &self.code.body.items[at];
        let module = self.code.access(&item.name);
        let reads: Vec<String> = item.reads.iter().map(|&read| self.text(read)).collect();
        let name = item.name.last().filter(|name| names::is_variable(name));
        let variable = name.cloned().unwrap_or_else(|| "other".into());
        if three {
            let What::Optional(_, flags) = &item.what else { return };
            let flag = names::cleaned(&flags[1].place);
            lines.line(depth, &format!("if {module} is not None:"));
            lines.line(depth + 1, &format!("{variable} = {module}({})", reads[0]));
            lines.line(depth, &format!("elif self.{flag}:"));
            lines.line(depth + 1, &format!("{variable} = {}", reads[1]));
            lines.line(depth, "else:");
            lines.line(depth + 1, &format!("{variable} = {}", reads[2]));
        } else {
            let text = format!("{variable} = {} if {module} is None else {module}({})", reads[1], reads[0]);
            lines.line(depth, &text);
        }
        self.texts.insert(Ref::Item(at), variable);
    }

    fn run_loop(&mut self, run: &Loop, at: usize, lines: &mut Lines, depth: usize) {
        let body = self.code.body;
        let before = self.text(body.items[at].reads[0]);
        let variable = self.variable(at);
        if variable != before {
            lines.line(depth, &format!("{variable} = {before}"));
        }
        let only = body.items.iter().filter(|item| item.is_module()).count() == 1;
        let all = match &run.container {
            Some(held) => self.code.access(std::slice::from_ref(held)),
            None if only => "self.children()".into(),
            None => {
                let count = &self.code.texts[at][0];
                format!("[getattr(self, {}) for i in range({count})]", loop_name(run))
            }
        };
        lines.line(depth, &format!("for layer in {all}:"));
        let module = format!("layer({variable})");
        let reads = if run.module_first { [module, variable.clone()] } else { [variable.clone(), module] };
        lines.line(depth + 1, &format!("{variable} = {}", applied(run.function, &reads)));
        self.texts.insert(Ref::Item(at), variable);
    }
}

/// A function of values.
fn applied(function: Function, reads: &[String]) -> String {
    match function {
        Function::Concat => format!("torch.cat([{}], dim=1)", reads.join(", ")),
        Function::Add => format!("{} + {}", reads[0], inner(&reads[1])),
        Function::Sub => format!("{} - {}", reads[0], inner(&reads[1])),
        Function::Mul => format!("{} * {}", inner(&reads[0]), inner(&reads[1])),
        Function::Div => format!("{} / {}", inner(&reads[0]), inner(&reads[1])),
        Function::Flatten => format!("torch.flatten({}, 1)", reads[0]),
    }
}

/// An operand in parentheses, if it is written with an operator itself.
fn inner(operand: &str) -> String {
    if [" + ", " - ", " * ", " / "].iter().any(|operator| operand.contains(operator)) {
        return format!("({operand})");
    }
    operand.to_owned()
}

/// An expression that may be broken: a concatenation over several lines.
fn doc(text: &str) -> Doc {
    let list = text.strip_prefix("torch.cat([").and_then(|rest| rest.strip_suffix("], dim=1)"));
    match list.and_then(operands) {
        Some(parts) => {
            let parts = parts.into_iter().map(doc).collect();
            let dim = Doc::Named("dim".into(), Box::new(Doc::text("1")));
            Doc::call("torch.cat", vec![Doc::list(parts, false), dim])
        }
        None => Doc::text(text),
    }
}

/// What commas outside of all parentheses separate; `None` if a parenthesis is closed that was not opened.
fn operands(list: &str) -> Option<Vec<&str>> {
    let mut parts: Vec<&str> = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (i, c) in list.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                parts.push(list[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(list[start..].trim());
    Some(parts)
}
