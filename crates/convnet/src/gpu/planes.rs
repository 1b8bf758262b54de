//! Between the card's order of a value, pixel by pixel, and PyTorch's, channel by channel.

use crate::plan::Region;

/// Floats from the first to the last of a region.
pub(super) fn span(region: Region) -> usize {
    region.pixels.saturating_sub(1) * region.stride + region.channels
}

/// The numbers of a region of `n` images, which `values` begin with, as N·C·H·W.
pub(super) fn planes(values: &[f32], region: Region, n: usize) -> Vec<f32> {
    let Region { pixels, channels, stride, .. } = region;
    let map = (pixels / n.max(1)).max(1);
    let mut output = Vec::with_capacity(pixels * channels);
    for image in 0..n {
        for channel in 0..channels {
            let pixels = (image * map..(image + 1) * map).map(|pixel| pixel * stride + channel);
            output.extend(pixels.map(|at| values[at]));
        }
    }
    output
}

/// The other way, pixels without gaps: what `planes`, N·C·H·W with so many channels, are pixel by pixel.
pub(super) fn pixels(planes: &[f32], channels: usize, n: usize) -> Vec<f32> {
    let image = planes.len() / n.max(1);
    let map = image / channels.max(1);
    let mut output = Vec::with_capacity(planes.len());
    for planes in planes.chunks_exact(image.max(1)) {
        for pixel in 0..map {
            output.extend((0..channels).map(|channel| planes[channel * map + pixel]));
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_and_planes_are_one_another() {
        let values: Vec<f32> = (0u8..24).map(f32::from).collect();
        let region = Region { offset: 0, pixels: 8, channels: 3, stride: 3 };
        let planes = planes(&values, region, 2);
        assert_eq!(planes[..5], [0.0, 3.0, 6.0, 9.0, 1.0]);
        assert_eq!(planes[12], 12.0);
        assert_eq!(pixels(&planes, 3, 2), values);
        let wide = Region { pixels: 2, channels: 2, stride: 5, ..region };
        assert_eq!((span(wide), super::planes(&values, wide, 2)), (7, vec![0.0, 1.0, 5.0, 6.0]));
    }
}
