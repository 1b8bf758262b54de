//! A rate that falls where the loss does not.

/// The rule of PyTorch's ReduceLROnPlateau for a loss, with a relative threshold.
pub(super) struct Plateau {
    pub(super) factor: f64,
    pub(super) patience: usize,
    pub(super) threshold: f64,
    pub(super) cooldown: usize,
    /// The least rate as a fraction of the peak.
    pub(super) end: f64,
}

/// A change of the rate smaller than this is none (PyTorch's `eps`, of a peak of 1).
const LEAST_CHANGE: f64 = 1e-8;

impl Plateau {
    /// What the peak is multiplied by after epochs with these losses. It is a function of the losses, so that a run that
    /// goes on has the same rates.
    pub(super) fn share(&self, losses: &[f64]) -> f64 {
        let (mut share, mut best, mut bad, mut cooldown) = (1.0_f64, f64::INFINITY, 0, 0);
        for &loss in losses {
            if loss < best * (1.0 - self.threshold) || (best.is_infinite() && loss.is_finite()) {
                (best, bad) = (loss, 0);
            } else {
                bad += 1;
            }
            if cooldown > 0 {
                cooldown -= 1;
                bad = 0;
            }
            if bad > self.patience {
                let lower = (share * self.factor).max(self.end);
                if share - lower > LEAST_CHANGE {
                    share = lower;
                }
                (cooldown, bad) = (self.cooldown, 0);
            }
        }
        share
    }
}
