//! Matrix products by cuBLAS, as data.

use std::fmt;

use crate::dnn::Precision;
use crate::view::{Format, View};

/// A row-major matrix in memory, the first of those that a product takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The first byte.
    pub at: usize,
    /// Elements from one row to the next.
    pub pitch: usize,
    /// Elements from one matrix to the next.
    pub stride: usize,
    /// How elements are stored.
    pub format: Format,
    /// Whether its transpose is meant.
    pub transposed: bool,
}

impl Matrix {
    /// The rows of a view.
    pub(crate) fn of(view: View) -> Self {
        Self { at: view.at, pitch: view.stride, stride: 0, format: view.format, transposed: false }
    }

    /// Its transpose.
    pub(crate) fn transpose(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }
}

/// out (+)= left · right, of `rows` × `depth` and `depth` × `columns`: as many products of matrices at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// How it is computed.
    pub precision: Precision,
    /// How many products.
    pub count: usize,
    /// Rows of the result.
    pub rows: usize,
    /// Columns of the result.
    pub columns: usize,
    /// Terms of each element.
    pub depth: usize,
    /// The left factor.
    pub left: Matrix,
    /// The right factor.
    pub right: Matrix,
    /// The result.
    pub out: Matrix,
    /// Whether it is added to what is there.
    pub accumulate: bool,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, rows, columns, depth, left, right, out, .. } = self;
        let name = |m: &Matrix| {
            let stride = if *count > 1 { format!("+{}", m.stride) } else { String::new() };
            format!("@{}/{}{stride}{}", m.at, m.pitch, if m.transposed { "ᵀ" } else { "" })
        };
        let sign = if self.accumulate { "+=" } else { "=" };
        write!(f, "product ")?;
        if *count > 1 {
            write!(f, "{count} of ")?;
        }
        write!(f, "{rows}x{columns}x{depth} {} ", self.precision.name())?;
        write!(f, "({} {sign} {} · {})", name(out), name(left), name(right))
    }
}
