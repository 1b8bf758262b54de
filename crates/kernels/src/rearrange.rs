//! Elements of an image in another order, by a table.

use crate::arena::{Arena, View};
use crate::geometry::product;
use crate::threads::Pool;
use crate::tuning::elementwise::LEAST_TASK_FLOATS;

/// Where each element of an output comes from: the elements of one image, none left out and none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rearrangement {
    /// Pixels and channels of an input, and of an output.
    sizes: [[usize; 2]; 2],
    /// For each element of an output, pixel by pixel, the input's pixel and channel.
    table: Vec<[u32; 2]>,
}

impl Rearrangement {
    /// An order of elements: `source` tells for the pixel and the channel of an output those of the input.
    ///
    /// # Panics
    /// If it leaves an element out, or sizes do not fit 32 bits.
    pub fn new(
        inputs: [usize; 2],
        outputs: [usize; 2],
        source: impl Fn(usize, usize) -> (usize, usize),
    ) -> Self {
        let count = product(&inputs);
        assert_eq!(count, product(&outputs), "as many elements");
        assert!(u32::try_from(count).is_ok(), "{count} elements, expected at most 2^32");
        let mut seen = vec![false; count];
        let elements = (0..outputs[0]).flat_map(|pixel| (0..outputs[1]).map(move |channel| (pixel, channel)));
        let table = elements.map(|(pixel, channel)| {
            let (pixel, channel) = source(pixel, channel);
            assert!(
                pixel < inputs[0] && channel < inputs[1],
                "pixel {pixel}, channel {channel} of {inputs:?}"
            );
            assert!(!std::mem::replace(&mut seen[pixel * inputs[1] + channel], true), "an element twice");
            [pixel as u32, channel as u32]
        });
        Self { sizes: [inputs, outputs], table: table.collect() }
    }

    /// The way back: the gradient's.
    pub fn inverse(&self) -> Self {
        let [inputs, outputs] = self.sizes;
        let mut table = vec![[0; 2]; self.table.len()];
        for (i, &[pixel, channel]) in self.table.iter().enumerate() {
            table[pixel as usize * inputs[1] + channel as usize] =
                [(i / outputs[1]) as u32, (i % outputs[1]) as u32];
        }
        Self { sizes: [outputs, inputs], table }
    }
}

/// out (+)= the input's elements in another order, image by image.
///
/// # Panics
/// If views do not fit the order, reach beyond the arena, or overlap.
pub fn rearrange(
    pool: &Pool,
    arena: &mut Arena,
    order: &Rearrangement,
    [input, out]: [View; 2],
    accumulate: bool,
) {
    arena.check(input);
    arena.check(out);
    input.assert_disjoint(out);
    let [inputs, outputs] = order.sizes;
    assert_eq!((input.channels, out.channels), (inputs[1], outputs[1]), "channels");
    let images = input.maps(inputs[0]);
    assert_eq!(out.pixels, product(&[images, outputs[0]]), "as many images");
    let pointer = arena.pointer();
    pool.ranges(out.pixels, LEAST_TASK_FLOATS / out.channels.max(1), &|pixels| {
        for pixel in pixels {
            let (image, at) = (pixel / outputs[0], pixel % outputs[0]);
            let first = input.offset + image * inputs[0] * input.stride;
            // SAFETY: the view is inside the arena and apart from the input; tasks have different pixels of it.
            let row = unsafe { pointer.slice_mut(out.pixel(pixel)) };
            for (y, &[pixel, channel]) in row.iter_mut().zip(&order.table[at * outputs[1]..]) {
                // SAFETY: an order's pixels and channels are those of an input, of which the view, inside the arena, has as
                // many as images; nothing writes it.
                let x = unsafe { *pointer.at(first + pixel as usize * input.stride + channel as usize) };
                *y = if accumulate { *y } else { 0.0 } + x;
            }
        }
    });
}
