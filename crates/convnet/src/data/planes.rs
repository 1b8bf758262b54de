//! From pixels to planes, within the memory that the pixels have.

/// Pixels that are separated by way of other memory; more are separated in two halves first.
const DIRECT: usize = 4 << 20;

/// Turns RGB pixels to a red, a green and a blue plane.
pub(super) fn separate(pixels: &mut [u8]) {
    separate_by(pixels, DIRECT);
}

fn separate_by(pixels: &mut [u8], direct: usize) {
    let count = pixels.len() / 3;
    if count <= direct {
        let copy = pixels.to_vec();
        for (channel, plane) in pixels.chunks_exact_mut(count.max(1)).enumerate() {
            plane.iter_mut().zip(copy.iter().skip(channel).step_by(3)).for_each(|(out, &level)| *out = level);
        }
        return;
    }
    let (first, second) = (count / 2, count - count / 2);
    let (left, right) = pixels.split_at_mut(3 * first);
    separate_by(left, direct);
    separate_by(right, direct);
    // R G B r g b: r goes before G, then g before B.
    pixels[first..3 * first + second].rotate_right(second);
    pixels[2 * first + second..3 * first + 2 * second].rotate_right(second);
}

/// Drops the last of each pixel's `CHANNELS` values, its opacity.
pub(super) fn drop_opacity<const CHANNELS: usize>(pixels: &mut Vec<u8>) {
    let count = pixels.len() / CHANNELS;
    for pixel in 0..count {
        // Never ahead of what is still to be read.
        pixels.copy_within(pixel * CHANNELS..(pixel + 1) * CHANNELS - 1, pixel * (CHANNELS - 1));
    }
    pixels.truncate(count * (CHANNELS - 1));
    pixels.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_colour_stays_without_its_opacity() {
        let mut pixels = vec![1, 2, 3, 0, 10, 20, 30, 255, 4, 5, 6, 51];
        drop_opacity::<4>(&mut pixels);
        assert_eq!(pixels, [1, 2, 3, 10, 20, 30, 4, 5, 6]);
        let mut grey = vec![7, 255, 9, 0];
        drop_opacity::<2>(&mut grey);
        assert_eq!(grey, [7, 9]);
    }

    proptest! {
        #[test]
        fn halves_give_what_the_whole_gives(count in 0usize..300, direct in 1usize..40) {
            let pixels: Vec<u8> = (0..3 * count).map(|i| (i * 7) as u8).collect();
            let expected: Vec<u8> =
                (0..3).flat_map(|channel| pixels.iter().skip(channel).step_by(3).copied()).collect();
            let mut planes = pixels;
            separate_by(&mut planes, direct);
            prop_assert_eq!(planes, expected);
        }
    }
}
