//! Names of parts of the device's memory: views of pixels × channels, and flat ranges.

/// How an element is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// IEEE single precision.
    F32,
    /// Its upper half.
    Bf16,
}

impl Format {
    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
        }
    }

    /// Its name in kernels.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }

    /// Elements of a vector of 16 bytes.
    pub(crate) fn lanes(self) -> usize {
        16 / self.size()
    }
}

/// A block of `pixels` × `channels` in memory; pixel p starts `p·stride` elements after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The first byte.
    pub at: usize,
    /// Pixels: N·H·W, or N for vectors.
    pub pixels: usize,
    /// Channels of each pixel.
    pub channels: usize,
    /// Elements from one pixel to the next; more than `channels` for a slice of a concatenation.
    pub stride: usize,
    /// How elements are stored.
    pub format: Format,
}

impl View {
    /// A view without gaps.
    pub fn dense(at: usize, pixels: usize, channels: usize, format: Format) -> Self {
        Self { at, pixels, channels, stride: channels, format }
    }

    /// Whether the pixels follow one another without a gap.
    pub fn is_dense(self) -> bool {
        self.stride == self.channels
    }

    /// The view's part from `channel` on, `channels` wide.
    ///
    /// # Panics
    /// If the view has fewer channels.
    pub fn slice(self, channel: usize, channels: usize) -> Self {
        assert!(
            channel <= self.channels && channels <= self.channels - channel,
            "{self:?} has no {channels} channels from {channel} on"
        );
        Self { at: self.at + channel * self.format.size(), channels, ..self }
    }

    /// Bytes from the first to the last.
    ///
    /// # Panics
    /// If the pixels overlap or the view does not fit the address space.
    pub fn bytes(self) -> usize {
        if self.pixels == 0 {
            return 0;
        }
        assert!(self.channels <= self.stride, "{self:?} has pixels that overlap");
        (self.pixels - 1)
            .checked_mul(self.stride)
            .and_then(|n| n.checked_add(self.channels)?.checked_mul(self.format.size()))
            .expect("a view fits the address space")
    }

    /// Whether vectors of 16 bytes fit its pixels and their addresses.
    pub(crate) fn is_wide(self) -> bool {
        let lanes = self.format.lanes();
        self.at.is_multiple_of(16)
            && self.channels.is_multiple_of(lanes)
            && (self.stride.is_multiple_of(lanes) || self.pixels == 1)
    }

    /// Whether two views share no byte: their ranges do not meet, or they are different channels of the same
    /// pixels.
    pub(crate) fn is_disjoint(self, other: Self) -> bool {
        let empty = |view: Self| view.pixels == 0 || view.channels == 0;
        let end = |view: Self| view.at + view.bytes();
        if empty(self) || empty(other) || end(self) <= other.at || end(other) <= self.at {
            return true;
        }
        if self.stride != other.stride || self.format != other.format {
            return false;
        }
        // Where `other` begins in the pixel that `self` begins.
        let size = self.format.size();
        let pitch = self.stride * size;
        let start = (other.at % pitch + pitch - self.at % pitch) % pitch;
        start >= self.channels * size && start + other.channels * size <= pitch
    }

    /// # Panics
    /// If the views share a byte.
    pub(crate) fn assert_disjoint(self, other: Self) {
        assert!(self.is_disjoint(other), "{self:?} overlaps {other:?}");
    }
}

/// A flat range of elements: parameters, their gradients, vectors by channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vector {
    /// The first byte.
    pub at: usize,
    /// Elements.
    pub len: usize,
    /// How elements are stored.
    pub format: Format,
}

impl Vector {
    /// A range of single precision.
    pub fn new(at: usize, len: usize) -> Self {
        Self { at, len, format: Format::F32 }
    }

    /// `len` elements from `start` on.
    ///
    /// # Panics
    /// If the range has fewer elements.
    pub fn slice(self, start: usize, len: usize) -> Self {
        assert!(
            start <= self.len && len <= self.len - start,
            "{self:?} has no {len} elements from {start} on"
        );
        Self { at: self.at + start * self.format.size(), len, ..self }
    }

    /// The range as rows of `columns` elements.
    ///
    /// # Panics
    /// If its length is no multiple of `columns`.
    pub fn rows(self, columns: usize) -> View {
        assert!(columns > 0 && self.len.is_multiple_of(columns), "{self:?} in rows of {columns}");
        View::dense(self.at, self.len / columns, columns, self.format)
    }

    /// The range as one pixel.
    pub(crate) fn view(self) -> View {
        View::dense(self.at, 1, self.len, self.format)
    }
}

/// A range of bytes: where each maximum of a pooling was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bytes {
    /// The first byte.
    pub at: usize,
    /// Bytes.
    pub len: usize,
}

/// A range of 32-bit integers: labels, counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Words {
    /// The first byte.
    pub at: usize,
    /// Integers.
    pub len: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_of_one_stride_are_disjoint_where_they_share_no_element() {
        let (stride, pixels) = (4, 3);
        let touched = |view: View| -> Vec<usize> {
            (0..pixels).flat_map(|p| (0..view.channels).map(move |c| view.at / 2 + p * stride + c)).collect()
        };
        let views = (0..9).flat_map(|first| {
            let format = Format::Bf16;
            (1..=stride).map(move |channels| View { at: 2 * first, pixels, channels, stride, format })
        });
        for a in views.clone() {
            for b in views.clone() {
                let (of_a, of_b) = (touched(a), touched(b));
                let shared = of_a.iter().any(|i| of_b.contains(i));
                assert!(!(shared && a.is_disjoint(b)), "{a:?} and {b:?} share elements");
            }
        }
    }

    #[test]
    fn a_slice_keeps_the_pixels_and_moves_the_start() {
        let map = View::dense(256, 10, 24, Format::Bf16);
        let part = map.slice(8, 4);
        assert_eq!((part.at, part.pixels, part.channels, part.stride), (272, 10, 4, 24));
        assert!(map.is_wide() && !part.is_wide() && map.slice(8, 8).is_wide());
    }
}
