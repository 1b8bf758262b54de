//! One block of memory for all activations, and views of pixels × channels into it.

use std::error::Error;
use std::ops::Range;
use std::{fmt, io};

use memmap2::MmapMut;

#[cfg(target_os = "linux")]
use crate::tuning::machine::LEAST_HUGE_BYTES;

/// A block of float32: zeros that start at a page of memory, which the system gives as they are written, or
/// [memory](Arena::over) that was there.
#[derive(Debug)]
pub struct Arena {
    memory: MmapMut,
    len: usize,
}

impl Arena {
    /// A block of `len` zeros.
    ///
    /// # Panics
    /// If the system has no such room; [`Arena::try_new`] returns an error then.
    pub fn new(len: usize) -> Self {
        Self::try_new(len).unwrap_or_else(|error| panic!("{error}: {}", error.cause))
    }

    /// A block of `len` zeros.
    ///
    /// # Errors
    /// If the system has no such room.
    pub fn try_new(len: usize) -> Result<Self, ArenaError> {
        let bytes = len.max(1).saturating_mul(size_of::<f32>());
        let memory = match isize::try_from(bytes) {
            Ok(_) => MmapMut::map_anon(bytes),
            Err(_) => Err(io::ErrorKind::OutOfMemory.into()),
        };
        let memory = memory.map_err(|cause| ArenaError { bytes, cause })?;
        #[cfg(target_os = "linux")]
        if bytes >= LEAST_HUGE_BYTES {
            // A kernel without huge pages refuses the advice, and serves small ones.
            let _ = memory.advise(memmap2::Advice::HugePage);
        }
        Ok(Self { memory, len })
    }

    /// A block of `len` floats in memory that somebody else has mapped, of whatever it holds.
    ///
    /// # Panics
    /// If they do not fit in it, or it does not start where floats may.
    pub fn over(memory: MmapMut, len: usize) -> Self {
        let (start, bytes) = (memory.as_ptr().cast::<f32>(), len.checked_mul(size_of::<f32>()));
        assert!(start.is_aligned(), "memory that starts where a float may");
        assert!(bytes.is_some_and(|bytes| bytes <= memory.len()), "{len} floats in {} bytes", memory.len());
        Self { memory, len }
    }

    /// Floats in the block.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the block is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The whole block.
    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: `len` initialized floats belong to the arena, and `&self` forbids writes.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast(), self.len) }
    }

    /// The whole block, to write.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: `len` initialized floats belong to the arena, and `&mut self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), self.len) }
    }

    /// The base pointer for kernels, which address through checked views.
    pub(crate) fn pointer(&mut self) -> Pointer {
        Pointer::new(self.memory.as_mut_ptr().cast(), self.len)
    }

    /// # Panics
    /// If the view reaches beyond the arena.
    pub(crate) fn check(&self, view: View) {
        assert!(view.end() <= self.len, "{view:?} reaches beyond an arena of {} floats", self.len);
    }

    /// # Panics
    /// If a view reaches beyond the arena, or they differ in pixels or channels.
    pub(crate) fn check_alike(&self, first: View, others: &[View]) {
        self.check(first);
        for &view in others {
            self.check(view);
            assert_eq!((view.pixels, view.channels), (first.pixels, first.channels), "views of one size");
        }
    }
}

/// The system has no room for an arena.
#[derive(Debug)]
pub struct ArenaError {
    bytes: usize,
    cause: io::Error,
}

impl ArenaError {
    /// The bytes that were asked for; `usize::MAX` where they are more than that.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl fmt::Display for ArenaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no memory for an arena of {} bytes", self.bytes)
    }
}

impl Error for ArenaError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// A block of floats that kernels share between threads; each task writes its own part. It is an address; a build
/// with debug assertions knows the block's length too, and asserts that what is used lies inside.
#[derive(Clone, Copy)]
pub(crate) struct Pointer {
    start: *mut f32,
    #[cfg(debug_assertions)]
    len: usize,
}

/// What kernels pass around is one word.
#[cfg(not(debug_assertions))]
const _: () = assert!(size_of::<Pointer>() == size_of::<*mut f32>());

// SAFETY: a pointer alone reads and writes nothing; whoever does so through `at`, `slice` or `slice_mut` promises
// that no other thread uses that part meanwhile.
unsafe impl Send for Pointer {}
// SAFETY: `&Pointer` gives no more than a copy of it, which may be sent.
unsafe impl Sync for Pointer {}

impl Pointer {
    fn new(start: *mut f32, len: usize) -> Self {
        let _ = len;
        Self {
            start,
            #[cfg(debug_assertions)]
            len,
        }
    }

    /// Shares a slice between tasks.
    pub(crate) fn of(slice: &mut [f32]) -> Self {
        Self::new(slice.as_mut_ptr(), slice.len())
    }

    /// # Panics
    /// If a range does not lie inside the block.
    #[cfg(debug_assertions)]
    #[track_caller]
    fn check(self, range: &Range<usize>) {
        let inside = range.start <= range.end && range.end <= self.len;
        assert!(inside, "{range:?} lies outside a block of {} floats", self.len);
    }

    /// Where the block starts.
    #[inline(always)]
    pub(crate) fn start(self) -> *mut f32 {
        self.start
    }

    /// The address of float `index`.
    ///
    /// # Safety
    /// `index` is at most the block's length, and the block is still allocated.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) unsafe fn at(self, index: usize) -> *mut f32 {
        #[cfg(debug_assertions)]
        self.check(&(index..index));
        // SAFETY: the caller gives an index inside the block, or one past its end.
        unsafe { self.start.add(index) }
    }

    /// `range` as a slice.
    ///
    /// # Safety
    /// The range lies inside the block; for as long as the slice lives, the block is allocated and nothing writes the
    /// range.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) unsafe fn slice<'a>(self, range: Range<usize>) -> &'a [f32] {
        #[cfg(debug_assertions)]
        self.check(&range);
        // SAFETY: the caller gives a range of the block's initialized floats that nothing writes meanwhile.
        unsafe { std::slice::from_raw_parts(self.start.add(range.start), range.len()) }
    }

    /// `range` as a slice to write.
    ///
    /// # Safety
    /// The range lies inside the block; for as long as the slice lives, the block is allocated and nothing else reads
    /// or writes the range.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) unsafe fn slice_mut<'a>(self, range: Range<usize>) -> &'a mut [f32] {
        #[cfg(debug_assertions)]
        self.check(&range);
        // SAFETY: the caller gives a range of the block's initialized floats that nothing else uses meanwhile.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

/// A block of `pixels` × `channels` in an arena; pixel p starts at `offset + p·stride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The first float.
    pub offset: usize,
    /// Pixels: N·H·W, or N for vectors.
    pub pixels: usize,
    /// Channels of each pixel.
    pub channels: usize,
    /// Floats from one pixel to the next; more than `channels` for a slice of a concatenation.
    pub stride: usize,
}

impl View {
    /// A view without gaps.
    pub fn dense(offset: usize, pixels: usize, channels: usize) -> Self {
        Self { offset, pixels, channels, stride: channels }
    }

    /// Whether the pixels follow one another without a gap.
    pub fn is_dense(self) -> bool {
        self.stride == self.channels
    }

    /// One past the last float; 0 where there is no pixel.
    pub(crate) fn end(self) -> usize {
        if self.pixels == 0 {
            return 0;
        }
        assert!(self.channels <= self.stride, "{self:?} has pixels that overlap");
        (self.pixels - 1)
            .checked_mul(self.stride)
            .and_then(|n| n.checked_add(self.offset)?.checked_add(self.channels))
            .expect("a view fits the address space")
    }

    /// The floats of one pixel.
    #[inline(always)]
    pub(crate) fn pixel(self, index: usize) -> Range<usize> {
        let start = self.offset + index * self.stride;
        start..start + self.channels
    }

    /// The view of some of its pixels.
    pub(crate) fn part(self, pixels: Range<usize>) -> Self {
        Self { offset: self.offset + pixels.start * self.stride, pixels: pixels.len(), ..self }
    }

    /// How many maps of so many pixels it holds.
    ///
    /// # Panics
    /// If it has no whole number of them.
    pub(crate) fn maps(self, pixels: usize) -> usize {
        assert!(pixels > 0 && self.pixels.is_multiple_of(pixels), "{self:?} of maps of {pixels} pixels");
        self.pixels / pixels
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
        Self { offset: self.offset + channel, channels, ..self }
    }

    /// Whether two views share no float: their ranges do not meet, or they are different channels of the
    /// same pixels.
    pub(crate) fn is_disjoint(self, other: Self) -> bool {
        let empty = |view: Self| view.pixels == 0 || view.channels == 0;
        if empty(self) || empty(other) || self.end() <= other.offset || other.end() <= self.offset {
            return true;
        }
        if self.stride != other.stride {
            return false;
        }
        // Where `other` begins in the pixel that `self` begins: a buffer need not begin at a multiple of its
        // stride.
        let stride = self.stride;
        let start = (other.offset % stride + stride - self.offset % stride) % stride;
        start >= self.channels && start + other.channels <= stride
    }

    /// # Panics
    /// If the views share a float.
    pub(crate) fn assert_disjoint(self, other: Self) {
        assert!(self.is_disjoint(other), "{self:?} overlaps {other:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(debug_assertions)]
    #[test]
    fn a_pointer_asserts_that_what_is_used_lies_inside() {
        use std::panic::catch_unwind;

        let mut floats = [1.0, 2.0, 3.0];
        let pointer = Pointer::of(&mut floats);
        // SAFETY: ranges inside the block, which nothing else uses; the others panic before they touch it.
        unsafe {
            assert_eq!((*pointer.at(2), pointer.slice(1..3)), (3.0, &[2.0, 3.0][..]));
            assert_eq!((pointer.at(3), pointer.slice_mut(3..3).len()), (pointer.start.add(3), 0));
            assert!(catch_unwind(|| pointer.at(4)).is_err());
            assert!(catch_unwind(|| pointer.slice(2..4)).is_err());
            assert!(catch_unwind(|| pointer.slice_mut(4..4)).is_err());
            #[expect(clippy::reversed_empty_ranges)]
            let reversed = 2..1;
            assert!(catch_unwind(|| pointer.slice(reversed)).is_err());
        }
    }

    #[test]
    fn views_of_one_stride_are_disjoint_where_they_share_no_float() {
        let floats = |view: View| (0..view.pixels).flat_map(move |i| view.pixel(i)).collect::<Vec<_>>();
        let (stride, pixels) = (5, 3);
        let views = (0..12)
            .flat_map(|offset| (1..=stride).map(move |channels| View { offset, pixels, channels, stride }));
        for a in views.clone() {
            for b in views.clone() {
                let (of_a, of_b) = (floats(a), floats(b));
                let shared = of_a.iter().any(|i| of_b.contains(i));
                assert!(!(shared && a.is_disjoint(b)), "{a:?} and {b:?} share floats");
                // Slices of one map, wherever it begins.
                let one_map = b.offset >= a.offset && b.offset + b.channels <= a.offset + stride;
                assert!(!one_map || shared != a.is_disjoint(b), "{a:?} and {b:?} do not overlap");
            }
        }
    }
}
