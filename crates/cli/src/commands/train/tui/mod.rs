//! `train --tui`: the run on a screen of its own, while it goes on.

mod draw;
mod state;
mod terminal;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use convnet::train::{Callback, Control, EpochRecord, RunStart, StepProgress, remarks};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use self::state::State;
use self::terminal::Screen;
use super::report;
use crate::output::STRONG;

pub(super) use self::terminal::{give_back, is_taken};

/// How long the screen waits for a key before it is drawn again.
const REFRESH: Duration = Duration::from_millis(100);
/// How often the memory is measured.
const MEASURE: Duration = Duration::from_secs(1);

/// A run on the screen. Dropped, it gives the terminal back and leaves there what a plain run would have written.
pub(super) struct Dashboard {
    shared: Arc<Shared>,
    screen: Option<JoinHandle<()>>,
    classes: usize,
    warned: bool,
}

/// What the run and the screen share.
struct Shared {
    state: Mutex<State>,
    /// Told when the run is to go on.
    resumed: Condvar,
    /// The run is to stop, as by Ctrl-C.
    stop: Arc<AtomicBool>,
    /// The run is over.
    over: AtomicBool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dashboard {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If standard error is no terminal that can be drawn on.
    pub(super) fn open(heading: &str, classes: usize, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let screen = Screen::take()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(heading)),
            resumed: Condvar::new(),
            stop,
            over: AtomicBool::new(false),
        });
        let seen = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("dashboard".to_owned()).spawn(move || show(screen, &seen))?;
        Ok(Self { shared, screen: Some(thread), classes, warned: false })
    }
}

/// Draws the run and takes keys until it is over, or the terminal is gone.
fn show(mut screen: Screen, shared: &Shared) {
    let mut measured: Option<Instant> = None;
    while !shared.over.load(Ordering::SeqCst) && is_taken() {
        if measured.is_none_or(|measured| measured.elapsed() >= MEASURE) {
            measured = Some(Instant::now());
            shared.state().memory = memory();
        }
        {
            let mut state = shared.state();
            state.stopping = shared.stop.load(Ordering::Relaxed);
            if screen.0.draw(|frame| draw::draw(frame, &state)).is_err() {
                break;
            }
        }
        match event::poll(REFRESH).and_then(|some| if some { event::read().map(Some) } else { Ok(None) }) {
            Ok(Some(Event::Key(key))) if key.kind == KeyEventKind::Press => pressed(key, shared),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    // Without a screen there is no key to go on with.
    shared.state().paused = false;
    shared.resumed.notify_all();
}

/// Does what a key asks for.
fn pressed(key: KeyEvent, shared: &Shared) {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control && shared.stop.swap(true, Ordering::Relaxed) => {
            give_back();
            std::process::exit(1);
        }
        KeyCode::Char('q') => shared.stop.store(true, Ordering::Relaxed),
        KeyCode::Char('p' | ' ') => {
            let mut state = shared.state();
            state.paused = !state.paused;
        }
        KeyCode::Char('h' | '?') | KeyCode::F(1) => {
            let mut state = shared.state();
            state.help = !state.help;
        }
        KeyCode::Esc => shared.state().help = false,
        _ => {}
    }
    shared.resumed.notify_all();
}

impl Callback for Dashboard {
    fn start(&mut self, start: &RunStart, _: &mut Control<'_>) {
        self.shared.state().run.start(start);
    }

    fn step(&mut self, step: &StepProgress, _: &mut Control<'_>) {
        let mut state = self.shared.state();
        state.run.step(step);
        // The time that a callback takes is not the run's.
        while state.paused && !self.shared.stop.load(Ordering::Relaxed) {
            let waited = self.shared.resumed.wait_timeout(state, REFRESH);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn evaluated(&mut self, images: usize, of: usize) {
        self.shared.state().run.evaluated = Some((images, of));
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool, _: &mut Control<'_>) {
        let mut state = self.shared.state();
        state.run.epoch(record, best);
        if let Some(remark) = remarks::exploding(record, self.classes).filter(|_| !self.warned) {
            self.warned = true;
            state.run.notes.push(remark);
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        if let Some(screen) = self.screen.take() {
            // A panic of the screen's thread was told by then.
            let _ = screen.join();
        }
        give_back();
        let state = self.shared.state();
        let epochs = state.run.epochs().0;
        let lines: Vec<String> = state
            .run
            .records
            .iter()
            .map(|record| report::epoch_line(record, epochs, state.run.best == Some(record.epoch), STRONG))
            .collect();
        report::left(&state.run.heading.join("\n"), &state.run.notes, &lines);
    }
}

/// Bytes of this process in memory, where the system tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}
