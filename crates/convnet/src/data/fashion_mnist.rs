//! Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, <https://arxiv.org/abs/1708.07747>): 28 × 28 grey pictures
//! of clothes, ten classes.

use std::path::Path;

use convnet_formats::FormatError;
use convnet_formats::idx::{self, Idx};

use super::{DEFAULT, DataError, DataSets, idx_folder};

/// The names of the labels 0 to 9.
pub(super) const CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

pub(super) fn classes() -> Vec<String> {
    CLASSES.map(String::from).to_vec()
}

macro_rules! asset {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../assets/fashion-mnist-mini/", $name)).as_slice())
    };
}

/// The bundled subset: the first 1,000 training and 200 test images of each class, in the order of the
/// official files.
pub(super) fn bundled() -> Result<DataSets, DataError> {
    let train = pair(asset!("train-images-idx3-ubyte.gz"), asset!("train-labels-idx1-ubyte.gz"))?;
    let test = pair(asset!("t10k-images-idx3-ubyte.gz"), asset!("t10k-labels-idx1-ubyte.gz"))?;
    idx_folder::assemble(Path::new(DEFAULT), DEFAULT, train, test, Some(classes()))
}

/// A name and the bytes that the program holds under it.
type Asset = (&'static str, &'static [u8]);

fn pair(images: Asset, labels: Asset) -> Result<(Idx, Idx), DataError> {
    Ok((parse::<3>(images)?, parse::<1>(labels)?))
}

fn parse<const RANK: usize>((name, bytes): Asset) -> Result<Idx, DataError> {
    let path = Path::new(DEFAULT).join(name);
    let malformed = |malformed| FormatError::Malformed { path, format: "IDX", malformed };
    Ok(idx::parse::<RANK>(bytes).map_err(malformed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_subset_is_balanced() {
        let sets = bundled().unwrap();
        assert_eq!((sets.train.len(), sets.test.len()), (10_000, 2_000));
        assert_eq!(sets.train.shape, (1, 28, 28));
        assert_eq!(sets.train.histogram(), [1000; 10]);
        assert_eq!(sets.test.histogram(), [200; 10]);
        assert_eq!(sets.classes()[9], "Ankle boot");
        // The whole training file has mean 0.2860 and standard deviation 0.3530.
        let (mean, std) = sets.train.statistics();
        assert!((mean[0] - 0.286).abs() < 0.002 && (std[0] - 0.353).abs() < 0.002, "{mean:?} {std:?}");
        // The official files begin with an ankle boot each.
        assert_eq!((sets.train.labels[0], sets.test.labels[0]), (9, 9));
    }
}
