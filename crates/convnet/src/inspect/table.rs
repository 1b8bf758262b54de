//! The table of a network's layers, laid out for a width.

use std::fmt;
use std::str::FromStr;

use super::figures::{bar, bytes, grouped, percent, scaled};
use super::receptive::{AxisField, ReceptiveField};
use super::summary::Summary;
use super::tree::{Row, ScopeRow, rows};
use crate::ops::Reach;

/// A column of the table, after the first one, which is the tree of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// Class and settings.
    Operation,
    /// Output shape for one image.
    Output,
    /// Size of the receptive field.
    Field,
    /// Distance between the fields of neighbouring outputs.
    Stride,
    /// Centre of the first output's field.
    Center,
    /// Floating-point operations per byte.
    Intensity,
    /// Memory of the outputs.
    Memory,
    /// Multiply-accumulates for one image.
    Macs,
    /// Parameters.
    Params,
    /// Their share of the network's.
    Share,
}

impl Column {
    /// All of them, in their order.
    pub const ALL: [Self; 10] = [
        Self::Operation,
        Self::Output,
        Self::Field,
        Self::Stride,
        Self::Center,
        Self::Intensity,
        Self::Memory,
        Self::Macs,
        Self::Params,
        Self::Share,
    ];

    /// Those that a table has when none are asked for.
    pub const USUAL: [Self; 7] =
        [Self::Operation, Self::Output, Self::Field, Self::Memory, Self::Macs, Self::Params, Self::Share];

    /// Its heading, and the name that it is asked for by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Output => "output",
            Self::Params => "params",
            Self::Share => "share",
            Self::Macs => "macs",
            Self::Memory => "memory",
            Self::Field => "field",
            Self::Stride => "stride",
            Self::Center => "center",
            Self::Intensity => "intensity",
        }
    }

    fn left(self) -> bool {
        matches!(self, Self::Operation | Self::Output)
    }

    fn text(self, summary: &Summary, row: &Row) -> String {
        let figures = &row.figures;
        let count = |n: u64, text: fn(u64) -> String| if n == 0 { String::new() } else { text(n) };
        match self {
            Self::Operation => format!("{} {}", row.op, row.settings).trim_end().to_string(),
            Self::Output => figures.output.to_string(),
            Self::Params => count(figures.params, grouped),
            Self::Share => percent(figures.params, summary.params),
            Self::Macs => count(figures.macs, scaled),
            Self::Memory => bytes(figures.activation_bytes),
            Self::Field => field_text(figures.receptive_field),
            Self::Stride => axes(figures.receptive_field, |a| a.stride),
            Self::Center => axes(figures.receptive_field, AxisField::center),
            Self::Intensity if figures.macs == 0 => String::new(),
            Self::Intensity => format!("{:.1}", figures.intensity),
        }
    }
}

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|c| c.name() == text.trim().to_lowercase()).ok_or_else(|| {
            format!("no column is called `{text}`; there are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

/// The size of a field: `195`, `3×21`, or `all` where one output sees everything.
pub(super) fn field_text(field: ReceptiveField) -> String {
    let one = |axis: AxisField| if axis.whole { "all".to_string() } else { axis.size.to_string() };
    let (height, width) = (one(field.height), one(field.width));
    if height == width { height } else { format!("{height}×{width}") }
}

fn axes(field: ReceptiveField, value: impl Fn(AxisField) -> f64) -> String {
    if field.whole() {
        return String::new();
    }
    let one = |axis: AxisField| format!("{:.1}", value(axis)).trim_end_matches(".0").to_string();
    let (height, width) = (one(field.height), one(field.width));
    if height == width { height } else { format!("{height}×{width}") }
}

/// Escape sequences around the parts of a table; empty ones leave it plain.
#[derive(Clone, Debug, Default)]
pub struct Palette {
    /// Names of scopes and totals.
    pub strong: String,
    /// Tree lines, rules and layers without arithmetic of their own.
    pub faint: String,
    /// Layers with weights.
    pub weights: String,
    /// Layers that change the size of the map.
    pub pool: String,
    /// After each of the others.
    pub reset: String,
}

/// How a table is laid out.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// Columns of the terminal.
    pub width: usize,
    /// The columns wanted; `None` for [`Column::USUAL`], of which some go where the width is short.
    pub columns: Option<Vec<Column>>,
    /// Levels shown; `None` for as many as keep the table under 64 rows.
    pub depth: Option<usize>,
    /// The colours.
    pub palette: Palette,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { width: 100, columns: None, depth: None, palette: Palette::default() }
    }
}

/// Rows that a table has at most when no depth is asked for, where folding allows it.
const USUAL_ROWS: usize = 64;
/// Columns of the bar beside a share.
const BAR: usize = 8;
/// The narrowest that names and operations are cut to.
const NARROWEST: usize = 8;
/// Columns of the labels of the totals.
const LABEL: usize = 12;
/// Blanks between columns.
const GAP: usize = 2;
/// The usual columns in the order in which a narrow terminal loses them.
const FIRST_TO_GO: [Column; 4] = [Column::Share, Column::Memory, Column::Field, Column::Macs];

/// The levels that a listing shows when none are asked for: as many as keep it under 64 rows.
pub(super) fn usual_depth(summary: &Summary) -> usize {
    let all = rows(summary, usize::MAX, true);
    let deepest = all.iter().map(|row| row.depth).max().unwrap_or(1);
    (1..=deepest)
        .rev()
        .find(|&depth| all.iter().filter(|row| row.depth <= depth).count() <= USUAL_ROWS)
        .unwrap_or(1)
}

type Segments<'a> = Vec<(&'a str, String)>;

struct Layout<'a> {
    palette: &'a Palette,
    columns: Vec<Column>,
    bar: bool,
    /// Of the names, then of each column.
    widths: Vec<usize>,
}

/// Lays the table out: heading, rows, totals and what they mean.
pub fn table(summary: &Summary, options: &TableOptions) -> String {
    let depth = options.depth.unwrap_or_else(|| usual_depth(summary));
    let rows = rows(summary, depth, true);
    let layout = Layout::fit(summary, &rows, options);
    let mut lines = vec![title(summary, &options.palette), String::new(), layout.heading(), layout.rule()];
    lines.extend(rows.iter().map(|row| layout.row(summary, row)));
    lines.push(layout.rule());
    lines.extend(totals(summary, options));
    lines.extend(notes(&rows, &options.palette));
    lines.iter().map(|line| line.trim_end().to_string() + "\n").collect()
}

fn title(summary: &Summary, palette: &Palette) -> String {
    let Palette { strong, faint, reset, .. } = palette;
    let graph = &summary.graph;
    let batch = if summary.batch == 1 { String::new() } else { format!(", batch of {}", summary.batch) };
    format!(
        "{strong}{}{reset}  {faint}{} → {}{batch}{reset}",
        graph.name(),
        graph.input_shape(),
        graph.node(graph.output()).shape
    )
}

impl<'a> Layout<'a> {
    fn fit(summary: &Summary, rows: &[Row], options: &'a TableOptions) -> Self {
        let names = rows.iter().map(|r| width(&name(r, &options.palette))).chain([5]).max().unwrap_or(5);
        let needs = |column: Column| {
            let cells = rows.iter().map(|row| column.text(summary, row).chars().count());
            cells.chain([column.name().len()]).max().unwrap_or(0)
        };
        let mut columns = options.columns.clone().unwrap_or_else(|| Column::USUAL.to_vec());
        let mut widths: Vec<usize> =
            std::iter::once(names).chain(columns.iter().map(|&c| needs(c))).collect();
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
        if options.columns.is_none() {
            for gone in FIRST_TO_GO {
                let least: usize = total(&widths) - spare(&widths, &columns);
                if least <= options.width {
                    break;
                }
                if let Some(place) = columns.iter().position(|&c| c == gone) {
                    columns.remove(place);
                    widths.remove(place + 1);
                }
            }
        }
        let mut over = total(&widths).saturating_sub(options.width);
        for place in shrinkable(&columns) {
            let cut = over.min(widths[place].saturating_sub(NARROWEST));
            widths[place] -= cut;
            over -= cut;
        }
        let bar = columns.contains(&Column::Share) && total(&widths) + 1 + BAR <= options.width;
        Self { palette: &options.palette, columns, bar, widths }
    }

    fn line(&self, name: Segments<'_>, cells: Vec<(Segments<'_>, bool)>) -> String {
        let mut line = paint(&cut(name, self.widths[0]), self.widths[0], true, &self.palette.reset);
        for ((segments, left), &width) in cells.into_iter().zip(&self.widths[1..]) {
            line.push_str(&" ".repeat(GAP));
            line.push_str(&paint(&cut(segments, width), width, left, &self.palette.reset));
        }
        line
    }

    fn heading(&self) -> String {
        let faint = self.palette.faint.as_str();
        let mut cells = Vec::new();
        for &column in &self.columns {
            cells.push((vec![(faint, column.name().to_string())], column.left()));
        }
        let line = self.line(vec![(faint, "layer".to_string())], cells);
        self.with_bar(line, |_| String::new())
    }

    fn rule(&self) -> String {
        let bar = if self.bar { 1 + BAR } else { 0 };
        let total = self.widths.iter().sum::<usize>() + GAP * self.columns.len() + bar;
        format!("{}{}{}", self.palette.faint, "─".repeat(total), self.palette.reset)
    }

    fn row(&self, summary: &Summary, row: &Row) -> String {
        let palette = self.palette;
        let cells = self.columns.iter().map(|&column| {
            let text = column.text(summary, row);
            let style = match column {
                Column::Operation => return (operation(summary, row, palette), true),
                Column::Output | Column::Macs | Column::Params if row.scope.is_some() => {
                    palette.strong.as_str()
                }
                Column::Output | Column::Macs | Column::Params | Column::Intensity => "",
                Column::Share | Column::Memory | Column::Field | Column::Stride | Column::Center => {
                    palette.faint.as_str()
                }
            };
            (vec![(style, text)], column.left())
        });
        let line = self.line(name(row, palette), cells.collect());
        let share = (row.figures.params, summary.params);
        self.with_bar(line, |cells| bar(share.0, share.1, cells))
    }

    /// Puts the bar at the end of the line, where nothing needs to line up with it.
    fn with_bar(&self, line: String, bar: impl Fn(usize) -> String) -> String {
        if !self.bar {
            return line;
        }
        let bar = bar(BAR);
        if bar.is_empty() {
            line
        } else {
            format!("{line} {}{bar}{}", self.palette.weights, self.palette.reset)
        }
    }
}

/// Places of the columns whose text may be cut: operations first, then names.
fn shrinkable(columns: &[Column]) -> impl Iterator<Item = usize> {
    let operation = columns.iter().position(|&c| c == Column::Operation).map(|place| place + 1);
    operation.into_iter().chain([0])
}

/// What cutting operations to 19 columns gains: less is cut before a column goes.
fn spare(widths: &[usize], columns: &[Column]) -> usize {
    shrinkable(columns).next().filter(|&place| place > 0).map_or(0, |place| widths[place].saturating_sub(19))
}

fn name<'a>(row: &Row, palette: &'a Palette) -> Segments<'a> {
    let mut guides = String::new();
    if let Some((&more, above)) = row.more.split_last().filter(|(_, above)| !above.is_empty()) {
        for &more in &above[1..] {
            guides.push_str(if more { "│ " } else { "  " });
        }
        guides.push_str(if more { "├ " } else { "└ " });
    }
    let style = if row.scope.is_some() { palette.strong.as_str() } else { "" };
    let mut segments = vec![(palette.faint.as_str(), guides), (style, row.name.clone())];
    if row.repeats > 1 {
        segments.push((palette.weights.as_str(), format!(" × {}", row.repeats)));
    }
    if row.figures.auxiliary {
        segments.push((palette.faint.as_str(), " †".into()));
    }
    segments
}

fn operation<'a>(summary: &Summary, row: &Row, palette: &'a Palette) -> Segments<'a> {
    let style = match (row.scope, summary.graph.node(row.figures.node).op.reach()) {
        (Some(ScopeRow::Folded), _) => "",
        (Some(ScopeRow::Open), _) => palette.faint.as_str(),
        (None, _) if row.figures.macs > 0 => palette.weights.as_str(),
        (None, Reach::Window(_) | Reach::Adaptive { .. }) => palette.pool.as_str(),
        (None, Reach::Position | Reach::Border { .. } | Reach::All) => palette.faint.as_str(),
    };
    let settings = if row.settings.is_empty() { String::new() } else { format!(" {}", row.settings) };
    vec![(style, row.op.clone()), ("", settings)]
}

fn width(segments: &Segments<'_>) -> usize {
    segments.iter().map(|(_, text)| text.chars().count()).sum()
}

/// Cuts a cell to a width, with `…` where something is missing.
fn cut(segments: Segments<'_>, limit: usize) -> Segments<'_> {
    if width(&segments) <= limit {
        return segments;
    }
    let mut left = limit.saturating_sub(1);
    let mut short = Segments::new();
    for (style, text) in segments {
        let part: String = text.chars().take(left).collect();
        left -= part.chars().count();
        short.push((style, part));
    }
    short.push(("", "…".into()));
    short
}

fn paint(segments: &Segments<'_>, to: usize, left: bool, reset: &str) -> String {
    let blank = " ".repeat(to.saturating_sub(width(segments)));
    let text: String =
        segments
            .iter()
            .map(|(style, text)| {
                if style.is_empty() || text.is_empty() {
                    text.clone()
                } else {
                    format!("{style}{text}{reset}")
                }
            })
            .collect();
    if left { text + &blank } else { blank + &text }
}

fn totals(summary: &Summary, options: &TableOptions) -> Vec<String> {
    let Palette { strong, faint, reset, .. } = &options.palette;
    let training = summary.training;
    let images = if summary.batch == 1 { "1 image".into() } else { format!("{} images", summary.batch) };
    let peak = &summary.graph.node(summary.peak.node).path;
    let state = training.parameters + training.gradients + training.momentum;
    let mut parameters = vec![bytes(training.parameters)];
    if summary.unused_params > 0 {
        parameters.push(format!("{} more in layers that are never called", grouped(summary.unused_params)));
    }
    if summary.inference_params < summary.params {
        parameters.push(format!("{} of them for inference", grouped(summary.inference_params)));
    }
    let lines = [
        ("parameters", grouped(summary.params), parameters),
        ("compute", format!("{} MACs", scaled(summary.macs)), vec!["an image, in Conv2d and Linear".into()]),
        (
            "inference",
            bytes(summary.peak.bytes),
            vec![
                format!("at most at one time, at {peak}"),
                format!("all outputs of {images} {}", bytes(summary.activation_bytes)),
            ],
        ),
        (
            "training",
            bytes(training.total()),
            vec![
                format!("weights, gradients, momentum {}", bytes(state)),
                format!("kept for backward {}", bytes(training.saved)),
            ],
        ),
    ];
    let wide = lines.iter().map(|line| line.1.chars().count()).max().unwrap_or(0);
    let indent = LABEL + wide + GAP;
    let mut text = Vec::new();
    for (label, figure, rest) in lines {
        let one_line = rest.join("; ");
        let rest = if indent + one_line.chars().count() <= options.width { vec![one_line] } else { rest };
        let blank = " ".repeat(GAP);
        for (i, rest) in rest.iter().enumerate() {
            text.push(if i == 0 {
                format!(
                    "{faint}{label:<LABEL$}{reset}{strong}{figure:<wide$}{reset}{blank}{faint}{rest}{reset}"
                )
            } else {
                format!("{}{faint}{rest}{reset}", " ".repeat(indent))
            });
        }
    }
    text
}

fn notes(rows: &[Row], palette: &Palette) -> Vec<String> {
    let mut notes = Vec::new();
    if rows.iter().any(|row| row.figures.auxiliary) {
        notes.push(
            "† auxiliary classifier: for training alone, no part of the totals of inference".to_string(),
        );
    }
    if rows.iter().any(|row| row.repeats > 1) {
        notes.push("× equal blocks in a row: their sum, and the first one's layers".to_string());
    }
    if rows.iter().any(|row| row.scope == Some(ScopeRow::Folded)) {
        let depth = rows.iter().map(|row| row.depth).max().unwrap_or(1);
        notes.push(format!("folded at depth {depth}: --depth {} shows more", depth + 1));
    }
    notes.iter().map(|note| format!("{}{note}{}", palette.faint, palette.reset)).collect()
}

/// The rows as a Markdown table, with full paths.
pub fn markdown(summary: &Summary, columns: Option<&[Column]>, depth: Option<usize>) -> String {
    let columns = columns.unwrap_or(&Column::USUAL);
    let rows = rows(summary, depth.unwrap_or_else(|| usual_depth(summary)), true);
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let heading = std::iter::once("layer").chain(columns.iter().map(|c| c.name())).map(String::from);
    let rule = columns.iter().map(|c| if c.left() { ":---" } else { "---:" });
    let mut text = line(heading.collect());
    text += &line(std::iter::once(":---").chain(rule).map(String::from).collect());
    for row in &rows {
        let repeats = if row.repeats > 1 { format!(" × {}", row.repeats) } else { String::new() };
        let cells = columns.iter().map(|c| c.text(summary, row));
        text += &line(std::iter::once(format!("`{}`{repeats}", row.path)).chain(cells).collect());
    }
    text
}

impl fmt::Display for Summary {
    /// The table without colours, 100 columns wide.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&table(self, &TableOptions::default()))
    }
}
