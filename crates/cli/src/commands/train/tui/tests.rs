//! The dashboard drawn from recorded events, on screens of several sizes.

use convnet::train::{EpochRecord, RunStart, StepProgress};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use snapbox::{assert_data_eq, file};

use super::draw::draw;
use super::state::State;

const HEADING: &str = "\
lenet · 61,706 parameters · 1 × 32 × 32 → 10 classes
fashion-mnist-mini · 9,000 training, 1,000 validation and 2,000 test images
4 epochs, batch 64 · Adam, one cycle up to 0.003 · seed 0 · 2 threads on avx2
writing runs/lenet";

/// Steps of an epoch.
const STEPS: usize = 141;

fn start(records: Vec<EpochRecord>) -> RunStart {
    RunStart {
        epochs: 4,
        steps_per_epoch: STEPS,
        train_images: 9000,
        validation_images: 1000,
        test_images: 2000,
        epochs_done: records.len(),
        records,
        steps_done: 0,
        notes: vec!["the run was started by convnet 0.1.0".to_owned()],
    }
}

fn step(epoch: usize, step: usize) -> StepProgress {
    let total = ((epoch - 1) * STEPS + step) as f64;
    let loss = 0.4 + 1.9 * (-total / 120.0).exp();
    StepProgress {
        epoch,
        step,
        total_steps: total as u64,
        batch_loss: loss + 0.1 * (total * 0.7).sin(),
        loss,
        top1: 1.0 - 0.4 * loss,
        lr: 0.003 * (1.0 - total / 564.0),
        images: step * 64,
        seconds: step as f64 / 200.0,
    }
}

fn record(epoch: usize) -> EpochRecord {
    let last = step(epoch, STEPS);
    EpochRecord {
        epoch,
        steps: last.total_steps,
        train_loss: last.loss,
        train_top1: last.top1,
        val_loss: Some(last.loss + 0.02),
        val_top1: Some(last.top1 - 0.01),
        val_top5: Some(0.99),
        val_map: None,
        lr: last.lr,
        images_per_second: 12_800.0,
        train_seconds: 0.7,
        wait_seconds: 0.1,
        seconds: 0.8,
    }
}

/// A run in its third epoch.
fn under_way() -> State {
    let mut state = State::new(HEADING);
    state.run.start(&start(Vec::new()));
    for epoch in 1..=3 {
        for number in 1..=if epoch == 3 { 70 } else { STEPS } {
            state.run.step(&step(epoch, number));
        }
        if epoch < 3 {
            state.run.evaluated = Some((64, 1000));
            state.run.epoch(&record(epoch), true);
        }
    }
    state.memory = Some(123 << 20);
    state
}

fn drawn(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| {
        let cells: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        cells.trim_end().to_owned() + "\n"
    };
    (0..height).map(row).collect()
}

#[test]
fn a_run_under_way() {
    assert_data_eq!(drawn(&under_way(), 80, 24), file!["snapshots/80x24.txt"]);
    assert_data_eq!(drawn(&under_way(), 120, 40), file!["snapshots/120x40.txt"]);
}

#[test]
fn small_screens_show_figures_alone() {
    assert_data_eq!(drawn(&under_way(), 40, 8), file!["snapshots/40x8.txt"]);
    for (width, height) in [(1, 1), (1, 30), (200, 1), (56, 16), (55, 16), (56, 15), (300, 100)] {
        let text = drawn(&under_way(), width, height);
        assert_eq!(text.lines().count(), usize::from(height));
    }
}

#[test]
fn before_the_first_step_and_after_the_last() {
    let mut state = State::new(HEADING);
    assert!(drawn(&state, 80, 24).contains("epoch 1/1"));
    state.run.start(&start(Vec::new()));
    let text = drawn(&state, 80, 24);
    assert!(text.contains("epoch 1/4") && text.contains("0 of 141 steps"), "{text}");
    for epoch in 1..=4 {
        state.run.step(&step(epoch, STEPS));
        state.run.epoch(&record(epoch), true);
    }
    assert_eq!(state.run.done(), 1.0);
    assert!(drawn(&state, 80, 24).contains("epoch 4/4"));
    state.run.evaluated = Some((640, 2000));
    assert!(drawn(&state, 80, 24).contains("640 of 2,000 images"));
}

#[test]
fn a_run_that_goes_on_shows_its_earlier_epochs() {
    let mut state = State::new(HEADING);
    state.run.start(&start(vec![record(1), record(2)]));
    let text = drawn(&state, 80, 24);
    assert!(text.contains("epoch 3/4") && text.contains("validation 0.6012"), "{text}");
    assert!(text.contains("the run was started by convnet 0.1.0"), "{text}");
    assert!((state.run.done() - 0.5).abs() < 1e-9);
}

#[test]
fn keys_and_states_are_told() {
    let mut state = under_way();
    state.paused = true;
    assert!(drawn(&state, 80, 24).contains("paused: p goes on"));
    state.stopping = true;
    assert!(drawn(&state, 80, 24).contains("finishing the step and saving"));
    state.help = true;
    let text = drawn(&state, 80, 24);
    assert!(text.contains("stop after this step and save") && text.contains("Ctrl-C"), "{text}");
}

#[test]
fn losses_that_are_no_numbers_are_left_out() {
    let mut state = under_way();
    let last = step(3, 71);
    state.run.step(&StepProgress { batch_loss: f64::NAN, ..last });
    state.run.step(&StepProgress { batch_loss: f64::INFINITY, loss: f64::INFINITY, ..last });
    let bad = EpochRecord { val_loss: None, val_top1: None, val_top5: None, ..record(3) };
    state.run.epoch(&bad, false);
    drawn(&state, 80, 24);
}
