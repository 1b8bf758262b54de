//! Images blurred by chance.

use serde::{Deserialize, Serialize};

use super::blur::Blur;
use super::values::{check_range, fixed_or_range, sides, wrong};
use super::{Parameters, Step, painted};

/// Blurred by a bell, whose deviation is of a range. One draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianBlur {
    /// Columns and rows of the bell, odd numbers.
    #[serde(deserialize_with = "sides")]
    pub kernel_size: [usize; 2],
    /// The range of deviations, in pixels.
    #[serde(default = "sigma", deserialize_with = "fixed_or_range")]
    pub sigma: [f64; 2],
}

fn sigma() -> [f64; 2] {
    [0.1, 2.0]
}

/// The largest bell.
const MAX_KERNEL: usize = 1023;

impl GaussianBlur {
    /// By a bell of so many columns and rows, and torchvision's range of deviations.
    pub fn new(kernel_size: usize) -> Self {
        Self { kernel_size: [kernel_size; 2], sigma: sigma() }
    }
}

impl Parameters for GaussianBlur {
    fn check(&self) -> Result<(), String> {
        if self.kernel_size.iter().any(|size| size % 2 == 0 || *size > MAX_KERNEL) {
            let expected = format!("odd numbers of at most {MAX_KERNEL}");
            return Err(wrong("kernel_size", &self.kernel_size, &expected));
        }
        check_range("sigma", self.sigma, f64::MIN_POSITIVE..=f64::MAX)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let Self { kernel_size, sigma } = *self;
        let mut blur = Blur::default();
        painted(None, move |canvas, random| canvas.blur(kernel_size, random.uniform(sigma), &mut blur))
    }
}
