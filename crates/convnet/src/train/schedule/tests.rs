//! Schedules beside PyTorch's figures.

use proptest::prelude::*;

use super::*;

/// Compares with figures that `tools/schedule_figures.py` printed.
fn assert_rates(schedule: &Schedule, peak: f64, steps_per_epoch: u64, expected: &[f64]) {
    let length = RunLength { steps_per_epoch, total: expected.len() as u64 };
    for (step, &expected) in expected.iter().enumerate() {
        let rate = schedule.rate(peak, step as u64, length);
        assert!((rate - expected).abs() <= 1e-9 * peak, "step {step}: {rate}, PyTorch gives {expected}");
    }
}

#[test]
fn one_cycle_is_pytorchs() {
    assert_rates(
        &Schedule::one_cycle(),
        0.4,
        5,
        &[
            0.016,
            0.05266873708,
            0.14866873708,
            0.26733126292,
            0.36333126292,
            0.4,
            0.394985602494,
            0.380193852805,
            0.356366471028,
            0.32469826158,
            0.286777200717,
            0.244504808775,
            0.2000008,
            0.155496791225,
            0.113224399283,
            0.0753033384201,
            0.0436351289716,
            0.0198077471946,
            0.00501599750597,
            1.6e-06,
        ],
    );
    assert_rates(
        &Schedule::OneCycle { climb: 0.5, start_divisor: 10.0, end_divisor: 100.0 },
        0.004,
        7,
        &[
            0.0004,
            0.00164376941013,
            0.00365623058987,
            0.00380213579807,
            0.00244659682604,
            0.000756267375886,
            4e-06,
        ],
    );
}

#[test]
fn steps_and_milestones_are_pytorchs() {
    let falls = [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001];
    assert_rates(&Schedule::Step { every: 3, gamma: 0.1, warmup: 0.0 }, 0.1, 1, &falls);
    let falls = [0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025];
    assert_rates(&Schedule::Milestones { at: vec![0.25, 0.625], gamma: 0.5, warmup: 0.0 }, 0.1, 1, &falls);
}

#[test]
fn cosine_and_warmup_are_pytorchs() {
    assert_rates(
        &Schedule::Cosine { warmup: 0.0, end: 0.01 },
        0.1,
        10,
        &[
            0.1,
            0.0975772975566,
            0.0905463412216,
            0.0795953699885,
            0.0657963412216,
            0.0505,
            0.0352036587784,
            0.0214046300115,
            0.0104536587784,
            0.00342270244339,
        ],
    );
    assert_rates(
        &Schedule::cosine(1.0 / 3.0),
        0.1,
        4,
        &[
            0.001,
            0.02575,
            0.0505,
            0.07525,
            0.1,
            0.0961939766256,
            0.0853553390593,
            0.0691341716183,
            0.05,
            0.0308658283817,
            0.0146446609407,
            0.00380602337444,
        ],
    );
    assert_rates(
        &Schedule::Constant { warmup: 4.0 / 7.0 },
        0.1,
        2,
        &[0.001, 0.02575, 0.0505, 0.07525, 0.1, 0.1, 0.1],
    );
}

#[test]
fn exponential_and_polynomial_are_pytorchs() {
    let rates = [0.1, 0.08, 0.064, 0.0512, 0.04096, 0.032768];
    assert_rates(&Schedule::Exponential { gamma: 0.8, warmup: 0.0 }, 0.1, 1, &rates);
    let line = [0.1, 0.0875, 0.075, 0.0625, 0.05, 0.0375, 0.025, 0.0125];
    assert_rates(&Schedule::named("polynomial").unwrap(), 0.1, 3, &line);
    let square = [0.1, 0.0765625, 0.05625, 0.0390625, 0.025, 0.0140625, 0.00625, 0.0015625];
    assert_rates(&Schedule::Polynomial { power: 2.0, end: 0.0, warmup: 0.0 }, 0.1, 3, &square);
}

#[test]
fn cosines_with_restarts_are_pytorchs() {
    assert_rates(
        &Schedule::CosineRestarts { first: 4, growth: 2, end: 0.01, warmup: 0.0 },
        0.1,
        1,
        &[
            0.1,
            0.0855017856687,
            0.0505,
            0.0154982143313,
            0.1,
            0.0962320368593,
            0.0855017856687,
            0.0694428299021,
            0.0505,
            0.0315571700979,
            0.0154982143313,
            0.00476796314069,
            0.1,
            0.09904887138,
        ],
    );
    let thirds = [0.1, 0.075, 0.025, 0.1, 0.075, 0.025, 0.1];
    assert_rates(&Schedule::CosineRestarts { first: 1, growth: 1, end: 0.0, warmup: 0.0 }, 0.1, 3, &thirds);
}

/// The rates of epochs of one step each, the last one after all losses, from `tools/schedule_figures.py`.
#[test]
fn plateau_is_pytorchs() {
    let losses =
        [1.0, 0.9, 0.95, 0.9, 0.91, 0.89999, 0.92, 0.93, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86, 0.87];
    let follow = |patience, cooldown, end, expected: [f64; 17]| {
        let plateau =
            Schedule::Plateau { factor: 0.5, patience, threshold: 1e-4, cooldown, end, warmup: 0.0 };
        let length = RunLength { steps_per_epoch: 1, total: 17 };
        for (epoch, expected) in expected.into_iter().enumerate() {
            let rate = plateau.rate_after(&losses[..epoch], 0.1, epoch as u64, length);
            assert!((rate - expected).abs() < 1e-12, "epoch {epoch}: {rate}, PyTorch gives {expected}");
        }
    };
    follow(
        2,
        0,
        0.0,
        [
            0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025, 0.0125, 0.0125, 0.0125,
            0.00625, 0.00625,
        ],
    );
    follow(
        1,
        2,
        0.2,
        [
            0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025, 0.02, 0.02, 0.02, 0.02,
            0.02,
        ],
    );
}

#[test]
fn every_schedule_warms_up_but_one_cycle() {
    let length = RunLength { steps_per_epoch: 10, total: 100 };
    for name in Schedule::NAMES.into_iter().filter(|name| *name != "one-cycle") {
        let mut table = toml::Table::try_from(Schedule::named(name).unwrap()).unwrap();
        table.insert("warmup".into(), 0.2.into());
        let schedule: Schedule = table.try_into().unwrap();
        assert_eq!(schedule.rate(0.1, 0, length), 0.001, "{name}");
        assert!(schedule.rate(0.1, 10, length) < 0.06, "{name}");
        assert!(schedule.rate(0.1, 20, length) > 0.08, "{name}");
    }
}

#[test]
fn settings_that_give_no_rate_are_named() {
    let error = Schedule::Step { every: 0, gamma: 0.1, warmup: 0.0 }.check().unwrap_err().to_string();
    assert!(error.contains("schedule.every"), "{error}");
    let wrong = Schedule::OneCycle { climb: 1.5, start_divisor: 25.0, end_divisor: 1e4 };
    assert!(wrong.check().unwrap_err().to_string().contains("schedule.climb"));
}

proptest! {
    #[test]
    fn rates_stay_between_nothing_and_the_peak(
        index in 0..Schedule::NAMES.len(),
        epochs in 1..40_usize,
        steps_per_epoch in 1..50_u64,
    ) {
        let schedule = Schedule::named(Schedule::NAMES[index]).unwrap();
        let length = RunLength { steps_per_epoch, total: steps_per_epoch * epochs as u64 };
        for step in 0..length.total {
            let rate = schedule.rate(0.1, step, length);
            prop_assert!(rate > 0.0 && rate <= 0.1 * (1.0 + 1e-12), "{schedule:?} step {step}: {rate}");
        }
    }
}
