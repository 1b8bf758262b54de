//! Linear maps along the channels, the rows and the columns of images, elements in another order.

use super::arithmetic::Maps;
use super::call::{Call, Walk, one_format};
use super::join::{Elements, Join};
use crate::kernels::Family;
use crate::list::{Argument, List};
use crate::view::{Vector, View};

/// What each element along an axis is made of: of each output the inputs that it is a sum of, with their weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    inputs: usize,
    rows: Vec<Vec<(usize, f32)>>,
}

impl Taps {
    /// So many inputs, and what each output is made of.
    ///
    /// # Panics
    /// If an input is not there.
    pub fn new(inputs: usize, rows: Vec<Vec<(usize, f32)>>) -> Self {
        assert!(rows.iter().flatten().all(|&(input, _)| input < inputs), "an input beyond {inputs}");
        Self { inputs, rows }
    }

    /// The transposed matrix: the gradient's.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut rows = vec![Vec::new(); self.inputs];
        for (output, row) in self.rows.iter().enumerate() {
            for &(input, weight) in row {
                rows[input].push((output, weight));
            }
        }
        Self { inputs: self.rows.len(), rows }
    }

    /// Whether each output is the input of its number.
    fn is_identity(&self) -> bool {
        self.rows.len() == self.inputs && self.rows.iter().enumerate().all(|(i, row)| row[..] == [(i, 1.0)])
    }

    /// The most inputs of an output.
    fn longest(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Where the entries of each output begin, and the entries.
    fn words(&self) -> Vec<u32> {
        let starts = self.rows.iter().scan(0, |next, row| {
            *next += row.len() as u32;
            Some(*next)
        });
        let entries =
            self.rows.iter().flatten().flat_map(|&(input, weight)| [input as u32, weight.to_bits()]);
        std::iter::once(0).chain(starts).chain(entries).collect()
    }
}

/// A linear map along each axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Separable {
    /// Along the channels.
    pub channels: Taps,
    /// Along the rows of pixels.
    pub rows: Taps,
    /// Along the columns.
    pub columns: Taps,
}

impl Separable {
    /// The map from gradients of outputs to those of inputs.
    #[must_use]
    pub fn transposed(&self) -> Self {
        Self {
            channels: self.channels.transposed(),
            rows: self.rows.transposed(),
            columns: self.columns.transposed(),
        }
    }
}

/// Where each element of an output comes from: the elements of one image, none left out and none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Pixels and channels of an input, and of an output.
    sizes: [[usize; 2]; 2],
    /// For each element of an output, pixel by pixel, the number of the input's.
    from: Vec<u32>,
}

impl Order {
    /// An order of elements: `source` tells for the pixel and the channel of an output those of the input.
    ///
    /// # Panics
    /// If it leaves an element out, or sizes do not fit 32 bits.
    pub fn new([inputs, outputs]: [[usize; 2]; 2], source: impl Fn(usize, usize) -> (usize, usize)) -> Self {
        let count = inputs[0].checked_mul(inputs[1]).filter(|&count| u32::try_from(count).is_ok());
        let count = count.expect("fewer than 2³² elements of an image");
        assert_eq!(outputs[0].checked_mul(outputs[1]), Some(count), "as many elements");
        let mut seen = vec![false; count];
        let elements = (0..outputs[0]).flat_map(|pixel| (0..outputs[1]).map(move |channel| (pixel, channel)));
        let from = elements.map(|(pixel, channel)| {
            let (pixel, channel) = source(pixel, channel);
            assert!(
                pixel < inputs[0] && channel < inputs[1],
                "pixel {pixel}, channel {channel} of {inputs:?}"
            );
            let from = pixel * inputs[1] + channel;
            assert!(!std::mem::replace(&mut seen[from], true), "an element twice");
            from as u32
        });
        Self { sizes: [inputs, outputs], from: from.collect() }
    }

    /// The way back: the gradient's.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let [inputs, outputs] = self.sizes;
        let mut from = vec![0; self.from.len()];
        for (to, &at) in self.from.iter().enumerate() {
            from[at as usize] = to as u32;
        }
        Self { sizes: [outputs, inputs], from }
    }
}

impl List {
    /// out (+)= the map of the input.
    ///
    /// # Panics
    /// If views do not fit the block, the map or one another, or overlap.
    pub fn separable(&mut self, map: &Separable, [input, out]: [View; 2], accumulate: bool) {
        let Separable { channels, rows, columns } = map;
        self.check(input);
        self.check(out);
        input.assert_disjoint(out);
        assert_eq!((input.channels, out.channels), (channels.inputs, channels.rows.len()), "channels");
        let images = Maps { view: input, height: rows.inputs, width: columns.inputs }.count();
        let written = Maps { view: out, height: rows.rows.len(), width: columns.rows.len() };
        assert!(written.count() == images || out.pixels == 0, "as many images");
        let format = one_format(&[input, out]);
        let identity = channels.is_identity();
        let mut walk = Walk::by_channel([out, input]);
        walk.wide &= identity;
        let [down, along] = [rows, columns].map(|taps| self.keep(&taps.words()));
        let across = if identity { Argument::Null } else { self.keep(&channels.words()) };
        let elements = Elements {
            pixels: rows.longest().saturating_mul(columns.longest()),
            channels: (!identity).then(|| channels.longest()),
        };
        let vector = if walk.wide { format.lanes() } else { 1 };
        let call = match Join::new(out, vector, elements) {
            Some(join) => join.call(self, Family::Separable, &walk.kernel("separable_many", format), 0),
            None => Call::walk(Family::Separable, &walk.kernel("separable", format), walk.vectors(format)),
        };
        call.view(input)
            .view(out)
            .int(out.pixels)
            .int(out.channels)
            .int(rows.inputs)
            .int(columns.inputs)
            .int(written.height)
            .int(written.width)
            .raw(down)
            .raw(along)
            .raw(across)
            .flag(accumulate)
            .add(self);
    }

    /// out (+)= the input's elements in another order, image by image.
    ///
    /// # Panics
    /// If views do not fit the block, the order or one another, or overlap.
    pub fn rearrange(&mut self, order: &Order, [input, out]: [View; 2], accumulate: bool) {
        let Order { sizes: [inputs, outputs], from } = order;
        self.check(input);
        self.check(out);
        input.assert_disjoint(out);
        assert_eq!((input.channels, out.channels), (inputs[1], outputs[1]), "channels");
        let [read, written] = [(input, inputs), (out, outputs)]
            .map(|(view, size)| Maps { view, height: size[0], width: 1 }.count());
        assert_eq!(read, written, "as many images");
        let format = one_format(&[input, out]);
        let walk = Walk { views: [out], wide: false };
        let table = self.keep(from);
        Call::walk(Family::Separable, &walk.kernel("rearrange", format), walk.vectors(format))
            .view(input)
            .int(inputs[0])
            .int(inputs[1])
            .view(out)
            .int(out.pixels)
            .int(out.channels)
            .int(outputs[0])
            .raw(table)
            .flag(accumulate)
            .add(self);
    }

    /// out = the same numbers for every image of `map` pixels: of each channel its pixels, one after the other.
    ///
    /// # Panics
    /// If the view or the numbers do not fit the block and one another.
    pub fn repeat(&mut self, values: Vector, map: usize, out: View) {
        self.check(out);
        assert!(map > 0 && out.pixels.is_multiple_of(map), "{out:?} of images of {map} pixels");
        self.check_floats(values, map * out.channels);
        let walk = Walk { views: [out], wide: false };
        let kernel = walk.kernel("repeat", out.format);
        Call::walk(Family::Separable, &kernel, walk.vectors(out.format))
            .vector(values)
            .view(out)
            .int(out.pixels)
            .int(out.channels)
            .int(map)
            .add(self);
    }
}
