//! Functions of two maps element by element, of which each may have one row, one column or one channel for all.

use super::call::{Call, Walk, one_format};
use crate::kernels::Family;
use crate::list::List;
use crate::view::View;

/// Pixels from which on a gradient's sum over them is a block's, and the most blocks along pixels.
const MANY_PIXELS: usize = 32;
const BLOCKS: usize = 65_536;

/// A function of two elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a · b.
    Mul,
    /// a / b.
    Div,
    /// The larger one; NaN where one is.
    Maximum,
    /// The smaller one; NaN where one is.
    Minimum,
    /// a to the power of b.
    Pow,
    /// 1 where a < b, 0 elsewhere.
    Less,
    /// 1 where a ≤ b, 0 elsewhere.
    LessOrEqual,
    /// 1 where a = b, 0 elsewhere.
    Equal,
    /// a where b is not 0, 0 elsewhere, whatever a is.
    Mask,
}

impl Arithmetic {
    /// Its number among the kernel's.
    fn number(self) -> usize {
        match self {
            Self::Add => 0,
            Self::Sub => 1,
            Self::Mul => 2,
            Self::Div => 3,
            Self::Maximum => 4,
            Self::Minimum => 5,
            Self::Pow => 6,
            Self::Less => 7,
            Self::LessOrEqual => 8,
            Self::Equal => 9,
            Self::Mask => 10,
        }
    }
}

/// Images of `height` × `width` pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maps {
    /// Their pixels.
    pub view: View,
    /// Rows of each.
    pub height: usize,
    /// Columns of each.
    pub width: usize,
}

impl Maps {
    /// How many there are.
    ///
    /// # Panics
    /// If the view has no whole number of them.
    pub(super) fn count(self) -> usize {
        let pixels = self.height.checked_mul(self.width).expect("a map fits the address space");
        assert!(
            if pixels == 0 { self.view.pixels == 0 } else { self.view.pixels.is_multiple_of(pixels) },
            "{self:?} has no whole number of images"
        );
        self.view.pixels / pixels.max(1)
    }

    /// Whether each size is that of `whole`, or 1.
    pub(super) fn fits(self, whole: Self) -> bool {
        let fits = |own: usize, size: usize| own == size || own == 1;
        self.count() == whole.count()
            && fits(self.height, whole.height)
            && fits(self.width, whole.width)
            && fits(self.view.channels, whole.view.channels)
    }

    fn add_to(self, call: Call) -> Call {
        call.view(self.view).int(self.height).int(self.width).int(self.view.channels)
    }
}

/// Whether all views of `whole`'s channels go by vectors; one of a single channel is read by itself.
fn go_by_vectors(views: &[View], whole: View) -> bool {
    whole.is_wide() && views.iter().all(|view| view.channels != whole.channels || view.is_wide())
}

/// The backward pass of a function of two values for one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideBackward {
    /// Its inputs.
    pub inputs: [Maps; 2],
    /// The gradient of its output.
    pub output_gradient: Maps,
    /// Which of the inputs.
    pub side: usize,
    /// Where that one's gradient goes.
    pub gradient: View,
    /// Whether it is added to what is there.
    pub accumulate: bool,
}

impl List {
    /// out = f(a, b).
    ///
    /// # Panics
    /// If views do not fit the block, an input overlaps the output, or has sizes that are neither the output's nor 1.
    pub fn arithmetic(&mut self, function: Arithmetic, inputs: [Maps; 2], out: Maps) {
        self.check_within(inputs, out);
        let [a, b] = inputs;
        inputs.iter().for_each(|input| input.view.assert_disjoint(out.view));
        let format = one_format(&[a.view, b.view, out.view]);
        let walk = Walk { views: [out.view], wide: go_by_vectors(&[a.view, b.view], out.view) };
        let kernel = walk.kernel("arithmetic", format);
        let call = Call::walk(Family::Arithmetic, &kernel, walk.vectors(format));
        let call = [a, b, out].into_iter().fold(call, |call, maps| maps.add_to(call));
        call.int(out.view.pixels).int(function.number()).add(self);
    }

    /// The gradient of one input of [`List::arithmetic`], summed over what it was repeated along; of equal elements the
    /// maximum's and the minimum's goes half to each, as in PyTorch.
    ///
    /// # Panics
    /// If views do not fit the block or one another, the gradient overlaps what is read, or there is no such side.
    pub fn arithmetic_backward(&mut self, function: Arithmetic, call: &SideBackward) {
        let SideBackward { inputs, output_gradient, side, gradient, accumulate } = *call;
        self.check_within(inputs, output_gradient);
        let own = inputs[side];
        self.check_alike(own.view, &[gradient]);
        let [a, b] = inputs;
        let read = [a.view, b.view, output_gradient.view];
        read.iter().for_each(|&view| gradient.assert_disjoint(view));
        let format = one_format(&[a.view, b.view, output_gradient.view, gradient]);
        let whole = own.view.channels == output_gradient.view.channels;
        let wide = whole && go_by_vectors(&[a.view, b.view, gradient], output_gradient.view);
        let summed = output_gradient.view.pixels / gradient.pixels.max(1);
        let call = if whole && summed >= MANY_PIXELS {
            let grid = [gradient.pixels.clamp(1, BLOCKS), gradient.channels.div_ceil(32), 1];
            Call::grid(Family::Arithmetic, &format!("arithmetic_sums_{}", format.name()), grid, 256)
        } else {
            let walk = Walk { views: [gradient], wide };
            let kernel = walk.kernel("arithmetic_backward", format);
            Call::walk(Family::Arithmetic, &kernel, walk.vectors(format))
        };
        let call = [a, b, output_gradient].into_iter().fold(call, |call, maps| maps.add_to(call));
        call.view(gradient).int(gradient.pixels).int(function.number()).int(side).flag(accumulate).add(self);
    }

    /// # Panics
    /// If views do not fit the block, or inputs have sizes that are neither the whole's nor 1.
    fn check_within(&self, inputs: [Maps; 2], whole: Maps) {
        self.check(whole.view);
        for input in inputs {
            self.check(input.view);
            assert!(input.fits(whole), "{input:?} does not go with {whole:?}");
        }
    }
}
