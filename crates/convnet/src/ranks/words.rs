//! Numbers as words, which are what travels.

/// The words of floats.
pub(super) fn words(floats: &[f32]) -> Vec<u32> {
    floats.iter().map(|x| x.to_bits()).collect()
}

/// A number of two words, the lower one first.
pub(crate) fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// The number that two words hold.
pub(super) fn whole(words: &[u32]) -> u64 {
    u64::from(words[0]) | u64::from(words[1]) << 32
}

/// The float that two words hold.
pub(crate) fn double(words: &[u32]) -> f64 {
    f64::from_bits(whole(words))
}

/// The words of bytes, the last one filled up with zeros.
pub(super) fn packed(bytes: &[u8]) -> Vec<u32> {
    let word = |bytes: &[u8]| {
        let mut word = [0; 4];
        word[..bytes.len()].copy_from_slice(bytes);
        u32::from_le_bytes(word)
    };
    bytes.chunks(4).map(word).collect()
}

/// So many bytes of words.
pub(super) fn unpacked(words: Vec<u32>, length: usize) -> impl Iterator<Item = u8> {
    words.into_iter().flat_map(u32::to_le_bytes).take(length)
}
