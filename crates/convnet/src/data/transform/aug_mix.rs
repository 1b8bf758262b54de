//! An image mixed with several changed ones of it.

use serde::{Deserialize, Serialize};

use super::augment_op::{Op, Space, Translate};
use super::canvas::Canvas;
use super::resize::{bilinear, yes};
use super::values::{Fill, Interpolation, check_lookup, check_number, wrong};
use super::warp::Lookup;
use super::{Parameters, Step, painted};

/// An image mixed with chains of changes of it (Hendrycks et al. 2020).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugMix {
    /// How strong the changes may be, 1 to 10.
    pub severity: usize,
    /// How many chains.
    pub mixture_width: usize,
    /// Changes of a chain; drawn from 1 to 3 if it is not above 0.
    pub chain_depth: i64,
    /// How even the shares are: the parameter of the Dirichlet and Beta distributions.
    pub alpha: f64,
    /// Also change brightness, colour, contrast and sharpness.
    #[serde(default = "yes")]
    pub all_ops: bool,
    /// `Nearest` or `Bilinear`.
    pub interpolation: Interpolation,
    /// The level outside of the image; black if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
}

impl Default for AugMix {
    fn default() -> Self {
        let (interpolation, fill) = (bilinear(), None);
        Self {
            severity: 3,
            mixture_width: 3,
            chain_depth: -1,
            alpha: 1.0,
            all_ops: true,
            interpolation,
            fill,
        }
    }
}

pub(super) const SPACE: Space = Space {
    shear: 0.3,
    translate: Translate::Share(1.0 / 3.0),
    rotate: 30.0,
    enhance: 0.9,
    posterize: [4.0, 4.0],
};

/// What it chooses from; the last four with `all_ops` alone.
const OPS: [Op; 13] = [
    Op::ShearX,
    Op::ShearY,
    Op::TranslateX,
    Op::TranslateY,
    Op::Rotate,
    Op::Posterize,
    Op::Solarize,
    Op::AutoContrast,
    Op::Equalize,
    Op::Brightness,
    Op::Color,
    Op::Contrast,
    Op::Sharpness,
];
const FEW: usize = 9;
/// The strengths that there are.
const BINS: usize = 10;
/// The most chains, and changes of a chain.
const MOST: usize = 100;

impl Parameters for AugMix {
    fn check(&self) -> Result<(), String> {
        if !(1..=BINS).contains(&self.severity) {
            return Err(wrong("severity", &self.severity, "1 to 10"));
        }
        if !(1..=MOST).contains(&self.mixture_width) {
            return Err(wrong("mixture_width", &self.mixture_width, &format!("1 to {MOST}")));
        }
        if self.chain_depth > MOST as i64 {
            return Err(wrong("chain_depth", &self.chain_depth, &format!("at most {MOST}")));
        }
        check_number("alpha", self.alpha, f64::MIN_POSITIVE..=f64::MAX)?;
        check_lookup(self.interpolation, self.fill, None)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn fill(&self) -> Option<Fill> {
        self.fill
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let Self { severity, chain_depth, alpha, interpolation, fill, .. } = *self;
        let lookup = Lookup { interpolation, fill };
        let ops = if self.all_ops { &OPS[..] } else { &OPS[..FEW] };
        let mut shares = vec![0.0; self.mixture_width];
        let (mut chain, mut mix) = (Canvas::default(), Vec::new());
        painted(None, move |canvas, random| {
            let mut halves = [0.0; 2];
            random.dirichlet(alpha, &mut halves);
            random.dirichlet(alpha, &mut shares);
            if let Some(Fill::Rgb(_)) = fill {
                canvas.widen(3);
            }
            mix.clear();
            mix.extend(canvas.levels.iter().map(|&level| halves[0] as f32 * f32::from(level)));
            for share in &shares {
                chain.load(canvas.view());
                let depth = usize::try_from(chain_depth).ok().filter(|depth| *depth > 0);
                for _ in 0..depth.unwrap_or_else(|| 1 + random.below(3)) {
                    let op = ops[random.below(ops.len())];
                    SPACE.apply((op, BINS, random.below(severity)), &mut chain, lookup, random);
                }
                let share = (share * halves[1]) as f32;
                mix.iter_mut().zip(&chain.levels).for_each(|(mix, &level)| *mix += share * f32::from(level));
            }
            canvas.levels.iter_mut().zip(&mix).for_each(|(level, &mix)| *level = mix as u8);
        })
    }
}
