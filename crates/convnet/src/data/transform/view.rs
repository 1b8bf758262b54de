//! An image between two steps.

use super::super::Image;

/// Planes of levels from 0 to 255.
#[derive(Clone, Copy, Debug)]
pub(in crate::data) struct View<'a> {
    /// Planes.
    pub(in crate::data) channels: usize,
    /// Rows and columns.
    pub(in crate::data) size: [usize; 2],
    /// In the order C, H, W.
    pub(in crate::data) levels: Levels<'a>,
}

/// Whole levels, or those that interpolation gave.
#[derive(Clone, Copy, Debug)]
pub(in crate::data) enum Levels<'a> {
    /// As an image of eight bits has them.
    Bytes(&'a [u8]),
    /// Not rounded.
    Floats(&'a [f32]),
}

impl<'a> View<'a> {
    /// The pixels of an image.
    pub(in crate::data) fn new(image: &'a Image) -> Self {
        let (channels, height, width) = image.shape();
        Self { channels, size: [height, width], levels: Levels::Bytes(image.pixels()) }
    }
}

/// Memory for a step's result; of the two vectors, the one that its input calls for.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
    pub(super) floats: Vec<f32>,
}
