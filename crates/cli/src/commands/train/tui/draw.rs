//! The dashboard's picture: a function of the run's state and the screen's size.

use convnet::train::{EpochRecord, figures};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, BorderType, Chart, Clear, Dataset, GraphType, Paragraph, Wrap};

use super::super::report;
use super::state::State;
use crate::output::{duration, grouped, small};

/// Below this size there are figures alone.
const SMALL: (u16, u16) = (56, 16);
/// Rows of the charts at least.
const CHART: u16 = 8;

const TRAIN: Color = Color::Yellow;
const VALIDATION: Color = Color::Cyan;

fn faint() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn strong() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// Draws the run.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    if area.width < SMALL.0 || area.height < SMALL.1 {
        figures_alone(frame, area, state);
    } else {
        whole(frame, area, state);
    }
    if state.help {
        help(frame, area);
    }
}

fn whole(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let heading = state.run.heading.len().min(if area.height >= 30 { 4 } else { 2 }) as u16;
    let notes = state.run.notes.len().min(if area.height >= 30 { 3 } else { 1 }) as u16;
    // Heading, notes, three lines of figures, the keys: what is left is for charts, and below them epochs.
    let left = area.height.saturating_sub(heading + notes + 4);
    let table = (left / 4).min(state.run.records.len() as u16 + 1).min(left.saturating_sub(CHART));
    let [top, charts, epochs, progress, told, keys] = Layout::vertical([
        Constraint::Length(heading),
        Constraint::Min(CHART.min(left)),
        Constraint::Length(table),
        Constraint::Length(3),
        Constraint::Length(notes),
        Constraint::Length(1),
    ])
    .areas(area);
    let lines: Vec<Line<'_>> = state
        .run
        .heading
        .iter()
        .enumerate()
        .map(|(i, line)| Line::styled(line.as_str(), if i == 0 { strong() } else { faint() }))
        .collect();
    frame.render_widget(Paragraph::new(lines), top);
    let [losses, accuracies] =
        Layout::horizontal([Constraint::Ratio(1, 2), Constraint::Ratio(1, 2)]).areas(charts);
    chart(frame, losses, state, true);
    chart(frame, accuracies, state, false);
    if epochs.height > 1 {
        table_of_epochs(frame, epochs, state);
    }
    frame.render_widget(Paragraph::new(progress_lines(state, progress.width)), progress);
    let latest = state.run.notes.len() - usize::from(notes);
    let notes: Vec<Line<'_>> =
        state.run.notes[latest..].iter().map(|note| Line::styled(note.as_str(), faint())).collect();
    frame.render_widget(Paragraph::new(notes), told);
    frame.render_widget(Paragraph::new(key_line(state)), keys);
}

/// The loss, or the accuracy: the training images' by step, the validation images' by epoch.
fn chart(frame: &mut Frame<'_>, area: Rect, state: &State, losses: bool) {
    let trace = if losses { &state.run.losses } else { &state.run.accuracies };
    let value = |loss: f64, accuracy: f64| if losses { loss } else { accuracy };
    let finite = |point: &(f64, f64)| point.1.is_finite();
    let mut train = trace.points(usize::from(area.width));
    if train.is_empty() {
        // A run that goes on knows its earlier epochs alone.
        train =
            state.run.records.iter().map(|r| (r.steps as f64, value(r.train_loss, r.train_top1))).collect();
    }
    train.retain(finite);
    let measured = |r: &EpochRecord| Some(value(r.val_loss?, r.val_top1?));
    let mut validation: Vec<(f64, f64)> =
        state.run.records.iter().filter_map(|r| Some((r.steps as f64, measured(r)?))).collect();
    validation.retain(finite);
    let steps =
        state.run.start.as_ref().map_or(1.0, |start| (start.epochs * start.steps_per_epoch) as f64).max(1.0);
    let all = || train.iter().chain(&validation).map(|point| point.1);
    let (low, high) = extent(all(), losses);
    let text = |value: f64| if losses { figures::loss(value) } else { figures::percent(value, 0) };
    let name = if losses { "loss" } else { "accuracy" };
    let mut title = vec![Span::styled(format!(" {name} "), strong())];
    if let Some(step) = &state.run.step {
        let now = value(step.loss, step.top1);
        title.push(Span::styled(format!("train {} ", told(now, losses)), Style::new().fg(TRAIN)));
    }
    if let Some(now) = state.run.records.last().and_then(measured) {
        title.push(Span::styled(format!("validation {} ", told(now, losses)), Style::new().fg(VALIDATION)));
    }
    let line = |data, colour, marker, kind| {
        Dataset::default().data(data).marker(marker).graph_type(kind).style(Style::new().fg(colour))
    };
    let single = validation.len() == 1;
    let datasets = vec![
        line(&train, TRAIN, Marker::Braille, GraphType::Line),
        line(
            &validation,
            VALIDATION,
            if single { Marker::Dot } else { Marker::Braille },
            if single { GraphType::Scatter } else { GraphType::Line },
        ),
    ];
    let epochs = state.run.epochs().0;
    let x = Axis::default()
        .bounds([0.0, steps])
        .style(faint())
        .labels(["0".to_owned(), format!("epoch {epochs}")].map(Line::from));
    let y = Axis::default()
        .bounds([low, high])
        .style(faint())
        .labels([low, (low + high) / 2.0, high].map(|tick| Line::from(text(tick))));
    let block =
        Block::bordered().border_type(BorderType::Rounded).border_style(faint()).title(Line::from(title));
    frame.render_widget(Chart::new(datasets).block(block).x_axis(x).y_axis(y), area);
}

fn told(value: f64, loss: bool) -> String {
    if loss { figures::loss(value) } else { figures::percent(value, 2) }
}

/// The extent of an axis: from zero for losses, whole tenths for fractions. Values far above most lie beyond it.
fn extent(values: impl Iterator<Item = f64>, losses: bool) -> (f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (Some(&least), Some(&most)) = (values.first(), values.last()) else { return (0.0, 1.0) };
    if losses {
        let usual = values[values.len() * 9 / 10] * 1.5;
        let high = if usual > 0.0 { most.min(usual) } else { most };
        return (0.0, if high > 0.0 { high } else { 1.0 });
    }
    let (low, high) = ((least * 10.0).floor() / 10.0, (most * 10.0).ceil() / 10.0);
    (low.max(0.0), if high > low { high.min(1.0) } else { low + 0.1 })
}

/// The last epochs, as a plain run tells them.
fn table_of_epochs(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let mut lines = vec![Line::styled(report::COLUMNS, strong())];
    let rows = usize::from(area.height) - 1;
    let latest = state.run.records.len().saturating_sub(rows);
    for record in &state.run.records[latest..] {
        let best = state.run.best == Some(record.epoch);
        let style = if best { Style::new().fg(VALIDATION) } else { Style::new() };
        lines.push(Line::styled(
            report::epoch_line(record, state.run.epochs().0, best, anstyle::Style::new()),
            style,
        ));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

/// The epoch's bar, the run's, and the figures of now.
fn progress_lines(state: &State, width: u16) -> Vec<Line<'static>> {
    let (epochs, epoch) = state.run.epochs();
    let (done, all) = state.run.steps();
    let digits = epochs.to_string().len();
    let (name, fraction, told) = match state.run.evaluated {
        Some((images, of)) => (
            "measuring".to_owned(),
            images as f64 / of.max(1) as f64,
            format!("{} of {} images", grouped(images), grouped(of)),
        ),
        None => (
            format!("epoch {epoch:>digits$}/{epochs}"),
            done as f64 / all as f64,
            format!("{} of {} steps", grouped(done), grouped(all)),
        ),
    };
    let left = state.run.seconds_left().map_or("–".to_owned(), duration);
    let part = bar_line(&name, fraction, &told, width);
    let whole = bar_line("run", state.run.done(), &format!("{left} left"), width);
    let mut figures = Vec::new();
    if let Some(step) = &state.run.step {
        figures.push(format!("rate {}", small((step.lr * 1e8).round() / 1e8)));
    }
    if let Some(speed) = state.run.speed() {
        figures.push(format!("{} images/s", grouped(speed.round() as usize)));
    }
    if let Some(memory) = state.memory {
        figures.push(format!("{} MiB", grouped((memory >> 20) as usize)));
    }
    let best = state.run.best.and_then(|best| state.run.records.iter().find(|r| r.epoch == best));
    if let Some((best, top1)) = best.and_then(|best| Some((best.epoch, best.val_top1?))) {
        figures.push(format!("best {} after epoch {best}", figures::percent(top1, 2)));
    }
    vec![part, whole, Line::from(figures.join("  ·  "))]
}

/// A name, a bar and what it comes to.
fn bar_line(name: &str, fraction: f64, told: &str, width: u16) -> Line<'static> {
    const NAME: usize = 12;
    const TOLD: usize = 24;
    let room = usize::from(width).saturating_sub(NAME + TOLD + 2);
    let filled = (fraction.clamp(0.0, 1.0) * room as f64).round() as usize;
    Line::from(vec![
        Span::raw(format!("{name:<NAME$}")),
        Span::styled("━".repeat(filled), Style::new().fg(VALIDATION)),
        Span::styled("─".repeat(room - filled), faint()),
        Span::raw(format!("  {told}")),
    ])
}

fn key_line(state: &State) -> Line<'static> {
    if state.stopping {
        return Line::styled("finishing the step and saving; Ctrl-C leaves at once", strong());
    }
    if state.paused {
        return Line::styled("paused: p goes on, q stops and saves", strong());
    }
    Line::styled("q stop and save · p pause · h help", faint())
}

/// What fits anywhere.
fn figures_alone(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let (epochs, epoch) = state.run.epochs();
    let (done, all) = state.run.steps();
    let mut lines = vec![Line::from(format!("epoch {epoch}/{epochs}, step {done}/{all}"))];
    if let Some(step) = &state.run.step {
        lines.push(Line::from(format!(
            "train {} {}",
            figures::loss(step.loss),
            figures::percent(step.top1, 1)
        )));
    }
    if let Some((loss, top1)) =
        state.run.records.last().and_then(|last| Some((last.val_loss?, last.val_top1?)))
    {
        lines.push(Line::from(format!("validation {} {}", figures::loss(loss), figures::percent(top1, 1))));
    }
    if let Some(left) = state.run.seconds_left() {
        lines.push(Line::from(format!("{} left", duration(left))));
    }
    lines.push(key_line(state));
    frame.render_widget(Paragraph::new(lines), area);
}

const HELP: &str = "\
q       stop after this step and save; go on later with --resume
p       pause and go on
h       this help
Ctrl-C  as q; once more to leave at once

Training images are measured step by step (yellow), validation images after each epoch (cyan).";

fn help(frame: &mut Frame<'_>, area: Rect) {
    let (width, height) = (area.width.min(72), area.height.min(10));
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    let block =
        Block::bordered().border_type(BorderType::Rounded).title(" keys ").title_alignment(Alignment::Left);
    frame.render_widget(Paragraph::new(HELP).wrap(Wrap { trim: false }).block(block), place);
}
