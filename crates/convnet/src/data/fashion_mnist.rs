//! Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, <https://arxiv.org/abs/1708.07747>): 28 × 28 grey pictures
//! of clothes, ten classes.

use std::path::Path;

use convnet_formats::FormatError;
use convnet_formats::idx::{self, Idx};

#[cfg(feature = "fetch")]
use super::fetch::{Remote, Sum};
use super::named::{Content, Named};
use super::{DEFAULT, DataError, DataSets, idx_folder};

/// The whole set.
pub(super) const NAMED: Named = Named {
    name: "fashion-mnist",
    summary: "Zalando's pictures of clothes (Xiao, Rasul and Vollgraf 2017)",
    images: (60_000, 10_000),
    shape: (1, 28, 28),
    content: Content::Idx(&CLASSES),
    system: Some(DEBIAN),
    hint: ", or on Debian `apt install dataset-fashion-mnist`, or take the bundled `fashion-mnist-mini`",
    first: "train-images-idx3-ubyte.gz",
    #[cfg(feature = "fetch")]
    mirrors: &MIRRORS,
    #[cfg(feature = "fetch")]
    files: &FILES,
};

/// Where Debian's package `dataset-fashion-mnist` puts the files.
const DEBIAN: &str = "/usr/share/datasets/fashion-mnist";

/// The set's own two sites.
#[cfg(feature = "fetch")]
const MIRRORS: [&str; 2] = [
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
];

/// The four files, with size and SHA-256 of what they unpack to: the gzip files themselves differ between
/// the sites and Debian's package.
#[cfg(feature = "fetch")]
const FILES: [Remote; 4] = [
    Remote {
        name: "train-images-idx3-ubyte.gz",
        sum: Sum::Content {
            size: 47_040_016,
            sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        },
    },
    Remote {
        name: "train-labels-idx1-ubyte.gz",
        sum: Sum::Content {
            size: 60_008,
            sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        },
    },
    Remote {
        name: "t10k-images-idx3-ubyte.gz",
        sum: Sum::Content {
            size: 7_840_016,
            sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        },
    },
    Remote {
        name: "t10k-labels-idx1-ubyte.gz",
        sum: Sum::Content {
            size: 10_008,
            sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    },
];

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
        let test = sets.test.as_ref().unwrap();
        assert_eq!((sets.train.len(), test.len()), (10_000, 2_000));
        assert_eq!(sets.train.shape, (1, 28, 28));
        assert_eq!(sets.train.histogram(), [1000; 10]);
        assert_eq!(test.histogram(), [200; 10]);
        assert_eq!(sets.classes()[9], "Ankle boot");
        // The whole training file has mean 0.2860 and standard deviation 0.3530.
        let (mean, std) = sets.train.statistics().unwrap();
        assert!((mean[0] - 0.286).abs() < 0.002 && (std[0] - 0.353).abs() < 0.002, "{mean:?} {std:?}");
        // The official files begin with an ankle boot each.
        assert_eq!((sets.train.labels()[0], test.labels()[0]), (9, 9));
    }
}
