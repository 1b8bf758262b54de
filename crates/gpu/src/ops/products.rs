//! Products of the pixels of two maps that stand in the same column: of matrices, one for each column.

use super::arithmetic::{Maps, SideBackward};
use crate::dnn::Precision;
use crate::linear::Matrix;
use crate::list::List;

/// The matrices of a map: of each column of an image its rows by its channels.
#[derive(Clone, Copy)]
struct Columns {
    maps: Maps,
    transposed: bool,
}

impl Columns {
    fn of(maps: Maps) -> Self {
        Self { maps, transposed: false }
    }

    fn transpose(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// The matrix whose first row is a pixel, and those that follow at so many pixels from one to the next.
    fn matrix(self, pixel: usize, stride: usize) -> Matrix {
        let Maps { view, width, .. } = self.maps;
        Matrix {
            at: view.at + pixel * view.stride * view.format.size(),
            pitch: width * view.stride,
            stride: stride * view.stride,
            format: view.format,
            transposed: self.transposed,
        }
    }
}

impl List {
    /// out[n, m, g] = Σ_k a[k, m, g] · b[k, n, g], by channel, row and column of each image. `maps` are a, b and out.
    ///
    /// # Panics
    /// If sizes do not go together, views do not fit the block and the precision, or the output overlaps an input.
    pub fn pixel_products(&mut self, precision: Precision, maps: [Maps; 3]) {
        self.check_products(maps);
        let [a, b, out] = maps;
        [a, b].iter().for_each(|input| input.view.assert_disjoint(out.view));
        let sides = (a.height, b.height, a.view.channels);
        self.column_products(precision, sides, [Columns::of(a), Columns::of(b).transpose()], out, false);
    }

    /// The gradient of one input of [`List::pixel_products`]: da[k, m, g] = Σ_n dy[n, m, g] · b[k, n, g], db[k, n, g] =
    /// Σ_m dy[n, m, g] · a[k, m, g].
    ///
    /// # Panics
    /// If sizes do not go together, views do not fit the block and the precision, the gradient overlaps what is read, or there is no
    /// such side.
    pub fn pixel_products_backward(&mut self, precision: Precision, call: &SideBackward) {
        let SideBackward { inputs: [a, b], output_gradient, side, gradient, accumulate } = *call;
        self.check_products([a, b, output_gradient]);
        let own = call.inputs[side];
        self.check_alike(own.view, &[gradient]);
        let other = call.inputs[1 - side];
        let read = [own.view, other.view, output_gradient.view];
        read.iter().for_each(|&view| gradient.assert_disjoint(view));
        let dy = Columns::of(output_gradient);
        let left = if side == 0 { dy } else { dy.transpose() };
        let sides = (own.height, gradient.channels, other.height);
        let out = Maps { view: gradient, ..own };
        self.column_products(precision, sides, [left, Columns::of(other)], out, accumulate);
    }

    /// Of each column of each image out (+)= left · right.
    ///
    /// Channels are contiguous and a matrix's rows at one distance, so that cuBLAS takes the maps as they lie. It takes matrices at one
    /// distance together: a column of all images, or all columns of an image, whichever are fewer calls.
    fn column_products(
        &mut self,
        precision: Precision,
        sides: (usize, usize, usize),
        [left, right]: [Columns; 2],
        out: Maps,
        accumulate: bool,
    ) {
        let (images, width) = (out.count(), out.width);
        let by_column = width <= images;
        let (calls, count) = if by_column { (width, images) } else { (images, width) };
        for call in 0..calls {
            let matrices = [left, right, Columns::of(out)].map(|columns| {
                let image = columns.maps.height * width;
                let (pixel, stride) = if by_column { (call, image) } else { (call * image, 1) };
                columns.matrix(pixel, stride)
            });
            self.products(precision, (count, sides), matrices, accumulate);
        }
    }

    /// # Panics
    /// If the output has no channel for each row of b, and no pixel for each of a, or views do not fit the block.
    fn check_products(&self, maps: [Maps; 3]) {
        maps.iter().for_each(|maps| self.check(maps.view));
        let [a, b, out] = maps;
        let counts = maps.map(Maps::count);
        assert!(counts.iter().all(|&count| count == counts[0]), "as many maps of each");
        assert!(a.view.channels == b.view.channels && out.view.channels == b.height, "channels and rows");
        assert!(a.height == out.height && [a.width, b.width] == [out.width; 2], "pixels");
    }
}
