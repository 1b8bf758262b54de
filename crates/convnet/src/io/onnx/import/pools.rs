//! Poolings: maxima, means and norms over windows.

use super::call::{Call, Known, Value};
use super::constant::Constant;
use super::importer::Importer;
use super::lift::LONGEST;
use super::window::Sliding;
use crate::graph::{Shape, Size2};
use crate::ops::{Arithmetic, AvgPool2d, IndexSelect, MaxPool2d, Reduce, Reduction, Unary};

impl Importer<'_> {
    /// What a pooling reads, and its windows.
    fn pooling(&self, call: &Call<'_>) -> Result<(usize, Sliding), String> {
        let layer = self.input(call, 0)?.layer;
        Ok((layer, Sliding::of(call, None, self.draft.shape(layer))?))
    }

    pub(super) fn max_pool(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let (mut layer, mut sliding) = self.pooling(call)?;
        if sliding.is_dilated() {
            (layer, sliding) = self.side_by_side(call, layer, sliding, f32::NEG_INFINITY)?;
        }
        let shape = self.draft.shape(layer);
        sliding = sliding.narrowed(shape.spatial())?;
        let found = match sliding.symmetric(shape, true)? {
            None => {
                let border;
                (border, sliding) = sliding.reaching(shape.spatial())?.split(f32::NEG_INFINITY);
                layer = self.border(call, layer, border)?;
                sliding.symmetric(self.draft.shape(layer), true)?
            }
            found => found,
        };
        let (padding, ceil_mode) =
            found.ok_or("no padding that is the same on opposite sides has its windows")?;
        let pool = MaxPool2d { kernel: sliding.kernel, stride: sliding.stride, padding, ceil_mode };
        self.push(call, pool, &[layer], Vec::new())
    }

    pub(super) fn average_pool(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let (layer, sliding) = self.pooling(call)?;
        let count_include_pad = call.int("count_include_pad", 0)? != 0;
        if sliding.is_dilated() {
            return self.dilated_average(call, layer, sliding, count_include_pad);
        }
        let [top, left, bottom, right] = sliding.pads;
        let even = (top, left) == (bottom, right);
        // Where padding counts, it must be there on the other side too.
        let found = match even || !count_include_pad {
            true => sliding.symmetric(self.draft.shape(layer), true)?,
            false => None,
        };
        let (padding, padding_end, ceil_mode) = match found {
            Some((padding, ceil_mode)) => (padding, None, ceil_mode),
            None => (Size2 { h: top, w: left }, Some(Size2 { h: bottom, w: right }), sliding.ceil_mode),
        };
        let (kernel, stride) = (sliding.kernel, sliding.stride);
        let pool = AvgPool2d { kernel, stride, padding, padding_end, ceil_mode, count_include_pad };
        self.push(call, pool, &[layer], Vec::new())
    }

    /// Means over windows with gaps: of all their places, and then by how many of these count.
    fn dilated_average(
        &mut self,
        call: &Call<'_>,
        layer: usize,
        sliding: Sliding,
        padding: bool,
    ) -> Result<Known, String> {
        let spatial = self.draft.shape(layer).spatial();
        let (spread, windows) = self.side_by_side(call, layer, sliding, 0.0)?;
        let counts = sliding.counts(spatial, padding)?;
        let path = self.path(call);
        let mean = self.draft.push(AvgPool2d::new(windows.kernel), &[spread], path.clone(), Vec::new())?;
        let area = windows.kernel.h * windows.kernel.w;
        let [rows, columns] = &counts;
        let of_row = |&row: &usize| columns.iter().map(move |&column| area as f32 / (row * column) as f32);
        let factors: Vec<f32> = rows.iter().flat_map(of_row).collect();
        if factors.iter().all(|&factor| factor == 1.0) {
            return Ok(Known::Value(Value::plain(mean)));
        }
        self.spend(size_of_val(factors.as_slice()))?;
        let shape = Shape::map(1, rows.len(), columns.len());
        let factors = self.constant(call, shape, Constant::numbers(shape.dims(), factors))?;
        let scaled = self.draft.push(Arithmetic::Mul, &[mean, factors], path, Vec::new())?;
        Ok(Known::Value(Value::plain(scaled)))
    }

    /// A map in which windows with gaps lie side by side without them, padding included, and these windows.
    fn side_by_side(
        &mut self,
        call: &Call<'_>,
        mut layer: usize,
        sliding: Sliding,
        padding: f32,
    ) -> Result<(usize, Sliding), String> {
        let spatial = self.draft.shape(layer).spatial();
        let (height, width) = sliding.output(spatial)?;
        let (border, inner) = sliding.reaching(spatial)?.split(padding);
        if border.top + border.left + border.bottom + border.right > 0 {
            layer = self.border(call, layer, border)?;
        }
        let Sliding { kernel, stride, dilation, .. } = inner;
        let sides = [(2, height, kernel.h, stride.h, dilation.h), (3, width, kernel.w, stride.w, dilation.w)];
        for (dim, count, kernel, stride, dilation) in sides {
            if count.checked_mul(kernel).is_none_or(|all| all > LONGEST) {
                return Err(format!("{count} windows of {kernel}, expected at most {LONGEST} places"));
            }
            let places = |i: usize| (0..kernel).map(move |k| i * stride + k * dilation);
            let indices: Vec<usize> = (0..count).flat_map(places).collect();
            self.spend(size_of_val(indices.as_slice()))?;
            let path = format!("{}.windows", self.path(call));
            layer = self.draft.push(IndexSelect { dim, indices }, &[layer], path, Vec::new())?;
        }
        let windows = Sliding { kernel, stride: kernel, dilation: 1.into(), ceil_mode: false, pads: [0; 4] };
        Ok((layer, windows))
    }

    /// A root of the sum of powers over windows, or over the map.
    pub(super) fn lp_pool(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        let path = self.path(call);
        let p = call.int("p", 2)?;
        let powers = self.powered(call, value.layer, p)?;
        let sum = if call.op() == "GlobalLpPool" {
            let reduce = Reduce { reduction: Reduction::Sum, channels: false, height: true, width: true };
            self.draft.push(reduce, &[powers], path.clone(), Vec::new())?
        } else {
            let shape = self.shape(value);
            let sliding = Sliding::of(call, None, shape)?;
            let (layer, windows) = if sliding.is_dilated() {
                self.side_by_side(call, powers, sliding, 0.0)?
            } else {
                let (border, windows) = sliding.reaching(shape.spatial())?.split(0.0);
                let padded = border.top + border.left + border.bottom + border.right > 0;
                (if padded { self.border(call, powers, border)? } else { powers }, windows)
            };
            // A sum is the mean times its pixels.
            let pool = AvgPool2d::new(windows.kernel).stride(windows.stride);
            let mean = self.draft.push(pool, &[layer], path.clone(), Vec::new())?;
            let pixels = (windows.kernel.h * windows.kernel.w) as f32;
            self.multiplied(call, Value::plain(mean), pixels)?.layer
        };
        match p {
            1 => Ok(Known::Value(Value::plain(sum))),
            2 => Ok(Known::Value(Value::plain(self.draft.push(Unary::Sqrt, &[sum], path, Vec::new())?))),
            p => self.raised(call, Value::plain(sum), 1.0 / p as f32).map(Known::Value),
        }
    }
}
