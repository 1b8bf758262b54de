//! CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as they are distributed, for Python and as binary files.
//!
//! Source: <https://www.cs.toronto.edu/~kriz/cifar.html>. An image is 32 × 32 pixels in three planes: red, green, blue.

use crate::Malformed;
use crate::pth::Plain;

/// Rows and columns of an image.
pub const SIDE: usize = 32;
/// Bytes of an image.
pub const PIXELS: usize = 3 * SIDE * SIDE;

/// Which of the two sets a file is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ten classes.
    Ten,
    /// A hundred classes in twenty superclasses.
    Hundred,
}

/// Images and their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// 3072 bytes an image: red, green and blue planes.
    pub pixels: Vec<u8>,
    /// The class of each image.
    pub labels: Vec<u8>,
    /// The superclass of each image; empty for CIFAR-10.
    pub coarse: Vec<u8>,
}

/// Names of classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Of the classes.
    pub fine: Vec<String>,
    /// Of the superclasses; empty for CIFAR-10.
    pub coarse: Vec<String>,
}

impl Kind {
    /// How many classes there are.
    pub fn classes(self) -> usize {
        match self {
            Self::Ten => 10,
            Self::Hundred => 100,
        }
    }

    /// How many superclasses there are.
    pub fn superclasses(self) -> usize {
        match self {
            Self::Ten => 0,
            Self::Hundred => 20,
        }
    }
}

impl Batch {
    /// Adds the images of another file of the same set.
    pub fn append(&mut self, mut other: Self) {
        self.pixels.append(&mut other.pixels);
        self.labels.append(&mut other.labels);
        self.coarse.append(&mut other.coarse);
    }
}

/// Reads a binary file: records of a label (CIFAR-100: the superclass before it) and the pixels.
///
/// # Errors
/// If it is not made of whole records, or a label is of no class.
pub fn parse_binary(bytes: &[u8], kind: Kind) -> Result<Batch, Malformed> {
    let labels = 1 + usize::from(kind == Kind::Hundred);
    let record = labels + PIXELS;
    if bytes.is_empty() || bytes.len() % record != 0 {
        let problem =
            format!("it has {} bytes, expected a multiple of {record}; it was cut short", bytes.len());
        return Err(Malformed::new(bytes.len() - bytes.len() % record, problem));
    }
    let mut batch = Batch::default();
    batch.pixels.reserve_exact(bytes.len() / record * PIXELS);
    for (index, record_bytes) in bytes.chunks_exact(record).enumerate() {
        let (head, pixels) = record_bytes.split_at(labels);
        let place = index * record;
        if let [coarse, _] = head {
            batch.coarse.push(within(*coarse, kind.superclasses(), place)?);
        }
        batch.labels.push(within(head[labels - 1], kind.classes(), place + labels - 1)?);
        batch.pixels.extend_from_slice(pixels);
    }
    Ok(batch)
}

fn within(label: u8, classes: usize, place: usize) -> Result<u8, Malformed> {
    match usize::from(label) < classes {
        true => Ok(label),
        false => Err(Malformed::new(place, format!("the label is {label}, expected 0 to {}", classes - 1))),
    }
}

/// Reads a pickled file, as `data_batch_1` or `train`. Nothing in it is executed.
///
/// # Errors
/// If it is no pickle of images and labels, or a label is of no class.
pub fn parse_pickle(bytes: &[u8], kind: Kind) -> Result<Batch, Malformed> {
    let file = Plain::parse(bytes)?;
    let data = file.bytes("data")?;
    let &[images, PIXELS] = &data.shape[..] else {
        let problem = format!("`data` has the shape {:?}, expected images × {PIXELS}", data.shape);
        return Err(Malformed::new(0, problem));
    };
    let labels = |key: &str, classes: usize| -> Result<Vec<u8>, Malformed> {
        let labels = file.numbers(key)?;
        if labels.len() != images {
            let problem = format!("`{key}` has {} labels for {images} images", labels.len());
            return Err(Malformed::new(0, problem));
        }
        let label = |(index, label): (usize, i64)| match usize::try_from(label) {
            Ok(known) if known < classes => Ok(known as u8),
            _ => {
                let problem = format!("`{key}` number {index} is {label}, expected 0 to {}", classes - 1);
                Err(Malformed::new(0, problem))
            }
        };
        labels.into_iter().enumerate().map(label).collect()
    };
    let (labels, coarse) = match kind {
        Kind::Ten => (labels("labels", kind.classes())?, Vec::new()),
        Kind::Hundred => {
            (labels("fine_labels", kind.classes())?, labels("coarse_labels", kind.superclasses())?)
        }
    };
    Ok(Batch { pixels: data.data.into_owned(), labels, coarse })
}

/// Reads the names in a pickled file, as `batches.meta` or `meta`.
///
/// # Errors
/// If it is no pickle of names, or of another number of them than there are classes.
pub fn parse_names(bytes: &[u8], kind: Kind) -> Result<Names, Malformed> {
    let file = Plain::parse(bytes)?;
    let (fine, coarse) = match kind {
        Kind::Ten => (file.texts("label_names")?, Vec::new()),
        Kind::Hundred => (file.texts("fine_label_names")?, file.texts("coarse_label_names")?),
    };
    Names { fine, coarse }.checked(kind)
}

impl Names {
    /// Names from texts of a name a line, as `batches.meta.txt` or `fine_label_names.txt`.
    ///
    /// # Errors
    /// If they are of another number than there are classes.
    pub fn of_lines(fine: &str, coarse: &str, kind: Kind) -> Result<Self, Malformed> {
        let lines = |text: &str| -> Vec<String> {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        };
        Self { fine: lines(fine), coarse: lines(coarse) }.checked(kind)
    }

    fn checked(self, kind: Kind) -> Result<Self, Malformed> {
        let found = (self.fine.len(), self.coarse.len());
        if found != (kind.classes(), kind.superclasses()) {
            let problem = format!(
                "it names {} classes and {} superclasses, expected {} and {}",
                found.0,
                found.1,
                kind.classes(),
                kind.superclasses()
            );
            return Err(Malformed::new(0, problem));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two images in each protocol, as Python 2 and 3 write them: see `tools/cifar_samples.py`.
    fn sample(name: &str) -> Vec<u8> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/cifar").join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The pixels that the script draws.
    fn pixels(images: usize) -> Vec<u8> {
        (0..images * PIXELS).map(|i| (i * 37 + i / 256 * 11) as u8).collect()
    }

    #[test]
    fn every_protocol_gives_the_same_images() {
        for protocol in 0..=5 {
            let bytes = sample(&format!("ten-{protocol}.pickle"));
            let batch = parse_pickle(&bytes, Kind::Ten).unwrap_or_else(|error| panic!("{protocol}: {error}"));
            assert_eq!((batch.labels, batch.coarse), (vec![6, 9], vec![]), "{protocol}");
            assert!(batch.pixels == pixels(2), "{protocol}");
            let bytes = sample(&format!("hundred-{protocol}.pickle"));
            let batch =
                parse_pickle(&bytes, Kind::Hundred).unwrap_or_else(|error| panic!("{protocol}: {error}"));
            assert_eq!((batch.labels, batch.coarse), (vec![99, 19], vec![13, 0]), "{protocol}");
            assert!(batch.pixels == pixels(2), "{protocol}");
            let names = parse_names(&sample(&format!("names-{protocol}.pickle")), Kind::Ten).unwrap();
            assert_eq!(
                (names.fine[0].as_str(), names.fine[9].as_str()),
                ("airplane", "Lkw-Größe"),
                "{protocol}"
            );
        }
    }

    #[test]
    fn python_2_s_files_are_read() {
        for protocol in 0..=2 {
            let bytes = sample(&format!("two-{protocol}.pickle"));
            let batch = parse_pickle(&bytes, Kind::Ten).unwrap_or_else(|error| panic!("{protocol}: {error}"));
            assert_eq!(batch.labels, [6, 9], "{protocol}");
            assert!(batch.pixels == pixels(2), "{protocol}");
        }
    }

    #[test]
    fn labels_may_be_arrays() {
        let batch = parse_pickle(&sample("arrays.pickle"), Kind::Hundred).unwrap();
        assert_eq!((batch.labels, batch.coarse), (vec![99, 19], vec![13, 0]));
    }

    #[test]
    fn binary_files_are_records() {
        let record = |head: &[u8], level: u8| [head.to_vec(), vec![level; PIXELS]].concat();
        let ten = [record(&[6], 1), record(&[9], 2)].concat();
        let batch = parse_binary(&ten, Kind::Ten).unwrap();
        assert_eq!((batch.labels, batch.coarse.len()), (vec![6, 9], 0));
        assert_eq!((batch.pixels[PIXELS - 1], batch.pixels[PIXELS]), (1, 2));
        let batch = parse_binary(&record(&[19, 99], 1), Kind::Hundred).unwrap();
        assert_eq!((batch.labels, batch.coarse), (vec![99], vec![19]));
        let problem = |bytes: &[u8], kind| parse_binary(bytes, kind).unwrap_err().to_string();
        assert!(problem(&ten, Kind::Hundred).contains("expected a multiple of 3074"));
        assert!(problem(&ten[1..], Kind::Ten).contains("cut short"));
        assert!(problem(&[], Kind::Ten).contains("it has 0 bytes"));
        assert_eq!(problem(&record(&[10], 0), Kind::Ten), "at byte 0: the label is 10, expected 0 to 9");
        assert_eq!(
            problem(&record(&[20, 0], 0), Kind::Hundred),
            "at byte 0: the label is 20, expected 0 to 19"
        );
        assert_eq!(
            problem(&record(&[0, 100], 0), Kind::Hundred),
            "at byte 1: the label is 100, expected 0 to 99"
        );
    }

    #[test]
    fn what_is_no_batch_is_told() {
        let problem = |bytes: &[u8]| parse_pickle(bytes, Kind::Ten).unwrap_err().to_string();
        assert!(problem(b"\x80\x02]q\x00.").contains("no dictionary"));
        assert!(problem(b"\x80\x02}q\x00.").contains("there is no `data` in it (found the keys [])"));
        assert!(
            problem(&sample("hundred-2.pickle"))
                .contains("there is no `labels` in it (found the keys [\"filenames\"")
        );
        assert!(problem(&sample("names-2.pickle")).contains("there is no `data`"));
        assert!(problem(b"cos\nsystem\n(S'true'\ntR.").contains("nothing was run"));
        assert!(problem(b"\x80\x02}U\x04dataK\x05s.").contains("under `data` there is no array"));
        let whole = sample("ten-2.pickle");
        for cut in 0..whole.len() {
            assert!(parse_pickle(&whole[..cut], Kind::Ten).is_err(), "{cut}");
        }
    }

    #[test]
    fn names_are_as_many_as_classes() {
        let text = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n";
        assert_eq!(Names::of_lines(text, "", Kind::Ten).unwrap().fine.len(), 10);
        let problem = Names::of_lines(text, "", Kind::Hundred).unwrap_err().to_string();
        assert!(problem.contains("10 classes and 0 superclasses, expected 100 and 20"), "{problem}");
    }
}
