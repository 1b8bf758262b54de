//! The axis of a quantity: its extent, its ticks, and which values lie too far off to be on it.

/// The extent of an axis and the distance of its ticks.
pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    step: f64,
    fraction: bool,
}

impl Axis {
    /// An axis over some values, from and to a tick: one at zero for losses, within 0 to 1 for fractions.
    pub(super) fn over(values: impl Iterator<Item = f64>, fraction: bool) -> Self {
        let (mut low, mut high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if !fraction {
            low = 0.0;
        }
        // Also where there are no values, or all are alike.
        if high <= low || !low.is_finite() {
            (low, high) = (0.0, if high > 0.0 { high } else { 1.0 });
        }
        let step = round_step((high - low) / 4.0);
        // Guard against 0.30000000000000004 / 0.1 being above 3.
        let from = ((low / step) + 1e-9).floor() * step;
        let to = ((high / step) - 1e-9).ceil() * step;
        Self { from, to, step, fraction }
    }

    /// A tick's text, with the decimals that tell it from its neighbours.
    pub(super) fn text(&self, tick: f64) -> String {
        let step = if self.fraction { self.step * 100.0 } else { self.step };
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        match (self.fraction, decimals) {
            (true, _) => format!("{:.decimals$}%", 100.0 * tick),
            (false, 0..5) if self.to < 1e5 => format!("{tick:.decimals$}"),
            _ if tick == 0.0 => "0".to_owned(),
            _ => format!("{tick:.0e}"),
        }
    }

    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let (from, step) = (self.from, self.step);
        let count = ((self.to - from) / step).round() as usize;
        (0..=count).map(move |i| from + i as f64 * step)
    }
}

/// A value is an outlier if it is so many times the median, and not among the lower three quarters,
const FAR: f64 = 6.0;
/// and if without it and its like the rest takes so many times the room.
const GAIN: f64 = 3.0;

/// The largest value that is no outlier, where there are some that would flatten the rest.
pub(super) fn outliers_above(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(|a, b| b.total_cmp(a));
    let (quartile, median) = (*values.get(values.len() / 4)?, values[values.len() / 2]);
    let kept = *values.iter().find(|&&v| v <= quartile.max(FAR * median))?;
    (kept > 0.0 && values[0] > GAIN * kept).then_some(kept)
}

/// The least of 1, 2, 5, 10, 20, … (and their tenths, hundredths) that is not below a number above 0.
pub(super) fn round_step(at_least: f64) -> f64 {
    let power = 10.0_f64.powf(at_least.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|m| m * power)
        .find(|&s| s >= at_least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// Epochs to write below the axis: the first, and some eight more.
pub(super) fn epoch_ticks(first: usize, last: usize) -> impl Iterator<Item = usize> {
    let step = (round_step((last - first).max(1) as f64 / 8.0).round() as usize).max(1);
    let next = if step == 1 { first + 1 } else { (first / step + 1) * step };
    std::iter::once(first).chain((next..=last).step_by(step))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_first_epoch_far_off_is_an_outlier_and_a_usual_fall_is_not() {
        let top = |values: &[f64]| outliers_above(values.iter().copied());
        assert_eq!(top(&[60.0, 2.1, 1.5, 2.0, 1.4, 1.2]), Some(2.1));
        assert_eq!(top(&[60.0, 20.0, 5.0, 2.0, 1.9, 1.8, 1.5, 1.2, 1.1, 1.0]), Some(5.0));
        assert_eq!(top(&[1e30, 0.5, 0.4, 0.3]), Some(0.5));
        // Losses of LeNet: 2.3 falling to 0.2.
        assert_eq!(top(&[2.3, 0.9, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]), None);
        // A hundred epochs, most of them near 0.3.
        let long: Vec<f64> = (0..100).map(|e| 0.3 + 2.0 * (-f64::from(e) / 3.0).exp()).collect();
        assert_eq!(top(&long), None);
        assert_eq!(top(&[]), None);
        assert_eq!(top(&[60.0]), None);
        assert_eq!(top(&[60.0, 0.0, 0.0, 0.0]), None);
    }

    #[test]
    fn ticks_are_short_at_any_size() {
        let texts = |values: &[f64], fraction| {
            let axis = Axis::over(values.iter().copied(), fraction);
            axis.ticks().map(|tick| axis.text(tick)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(texts(&[0.2, 2.3], false), "0 1 2 3");
        assert_eq!(texts(&[0.02, 0.31], false), "0.0 0.1 0.2 0.3 0.4");
        assert_eq!(texts(&[3e33], false), "0 1e33 2e33 3e33");
        assert_eq!(texts(&[3e-7], false), "0 1e-7 2e-7 3e-7");
        assert_eq!(texts(&[0.5, 0.9], true), "50% 60% 70% 80% 90%");
        assert_eq!(texts(&[0.991, 0.995], true), "99.1% 99.2% 99.3% 99.4% 99.5%");
    }

    proptest! {
        #[test]
        fn axes_hold_their_values(values in prop::collection::vec(1e-6..50.0_f64, 1..20)) {
            let (low, high) = values.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), &v| (l.min(v), h.max(v)));
            let axis = Axis::over(values.iter().copied(), false);
            prop_assert!(axis.from <= low && axis.to >= high * (1.0 - 1e-6));
            let ticks = axis.ticks().count();
            prop_assert!((2..=6).contains(&ticks), "{} ticks", ticks);
        }

        #[test]
        fn what_is_no_outlier_is_most(values in prop::collection::vec(1e-6..1e6_f64, 0..60)) {
            if let Some(top) = outliers_above(values.iter().copied()) {
                let above = values.iter().filter(|&&v| v > top).count();
                prop_assert!(above >= 1 && above * 4 <= values.len(), "{} above {}", above, top);
            }
        }

        #[test]
        fn epochs_are_few_and_within(first in 1..3_usize, more in 0..500_usize) {
            let ticks: Vec<_> = epoch_ticks(first, first + more).collect();
            prop_assert!(ticks.len() <= 11, "{:?}", ticks);
            prop_assert!(ticks.windows(2).all(|w| w[0] < w[1]) && *ticks.last().unwrap() <= first + more);
        }
    }
}
