//! The nearest name to a misspelt one.

/// The known name that a misspelt one most likely is; `None` if none is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + name.len().min(candidate.len()) / 4)
        .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelt_name_is_found() {
        let known = ["Conv1d", "Conv2d", "BatchNorm2d", "ReLU", "kernel_size"];
        assert_eq!(nearest("Conv2D", known), Some("Conv2d"));
        assert_eq!(nearest("Relu", known), Some("ReLU"));
        assert_eq!(nearest("kernal_size", known), Some("kernel_size"));
        assert_eq!(nearest("Transformer", known), None);
    }
}
