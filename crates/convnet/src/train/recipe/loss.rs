//! `[loss]`: what is learned from an image, and how often from which.

use serde::{Deserialize, Serialize};

use super::super::TrainError;
use super::super::error::readable;
use crate::data::{Dataset, Sampling};
#[cfg(feature = "train")]
use crate::exec::Reading;
use crate::exec::{Binary, Criterion, CrossEntropy};
use crate::graph::Graph;

/// What a network's answers are compared by, and which images it sees; cross-entropy over shuffled images by default, and
/// binary cross-entropy where images have several classes.
///
/// ```toml
/// [loss]
/// kind = "cross-entropy"
/// label_smoothing = 0.1
/// class_weights = "balanced"
///
/// [loss.teacher]
/// model = "runs/resnet18"
/// alpha = 0.5
/// temperature = 4.0
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Loss {
    /// Which loss it is; without one, as the data have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<LossKind>,
    /// ε: the share of an image that belongs to all classes alike.
    #[serde(skip_serializing_if = "super::is_default")]
    pub label_smoothing: f64,
    /// How much each class counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// How much the presence of each class counts against its absence, in binary losses; `"balanced"` is the number of images
    /// without it over the number with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive_weights: Option<ClassWeights>,
    /// γ of the focal loss, 2 unless told; in binary cross-entropy 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// α of the focal loss of each class by itself: how much presence counts, and 1 − α absence. 0.25 for the focal loss of
    /// images that have several classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// In binary losses: targets above it become 1, all others 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_threshold: Option<f64>,
    /// In binary losses: the sum over the classes in place of their mean.
    #[serde(skip_serializing_if = "super::is_default")]
    pub sum_classes: bool,
    /// How much each auxiliary output counts, in place of what the network says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aux_weight: Option<f64>,
    /// Which images an epoch takes.
    #[serde(skip_serializing_if = "super::is_default")]
    pub sampling: Sampling,
    /// Another network that this one learns from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<TeacherSettings>,
}

/// Which loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Classes exclude one another.
    CrossEntropy,
    /// Binary cross-entropy: each class by itself.
    Bce,
    /// What is classified well counts less (Lin et al. 2017): over the softmax, or of each class by itself where images have
    /// several.
    Focal,
}

impl LossKind {
    /// As recipes call them.
    pub const NAMES: [&str; 3] = ["cross-entropy", "bce", "focal"];
}

/// A number for each class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassWeights {
    /// Found by the training images.
    Found(Balanced),
    /// In the order of the classes.
    Each(Vec<f64>),
}

/// Rare classes count more: n / (k·nᵢ) for class i with nᵢ of n images, k the number of classes that have any. scikit-learn's
/// `class_weight="balanced"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balanced {
    /// The only way there is.
    Balanced,
}

/// `[loss.teacher]`: a trained network whose answers are learned too (Hinton et al. 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TeacherSettings {
    /// A run, or a file of weights that tells of its network.
    pub model: String,
    /// α: how much its answers count; the labels count 1 − α.
    pub alpha: f64,
    /// T: both networks' logits are divided by it; 4 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Learn its likeliest class alone (Touvron et al. 2021).
    #[serde(skip_serializing_if = "super::is_default")]
    pub hard: bool,
    /// The checksum of its weights. A run writes it, and a teacher with another one is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl Default for TeacherSettings {
    fn default() -> Self {
        Self { model: String::new(), alpha: 0.5, temperature: None, hard: false, digest: None }
    }
}

/// What T is without one.
#[cfg(feature = "train")]
const TEMPERATURE: f64 = 4.0;
/// What γ of the focal loss is without one, and α (Lin et al. 2017).
const FOCAL: [f64; 2] = [2.0, 0.25];
/// The largest weight: float32 and sums of many of them hold it.
const MAX_WEIGHT: f64 = 1e6;
/// The largest γ.
const MAX_GAMMA: f64 = 100.0;

fn wrong<T>(key: &str, found: impl std::fmt::Display, expected: &'static str) -> Result<T, TrainError> {
    Err(TrainError::setting(format!("loss.{key}"), found, expected))
}

impl Loss {
    /// Which loss it is, for images of one class each or of several.
    fn kind(&self, several: bool) -> LossKind {
        self.kind.unwrap_or(if several { LossKind::Bce } else { LossKind::CrossEntropy })
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        let within = |key, value: Option<f64>, most: f64, expected| match value {
            Some(value) if !(0.0..=most).contains(&value) => wrong(key, readable(value), expected),
            _ => Ok(()),
        };
        within("label_smoothing", Some(self.label_smoothing), 1.0, "a number from 0 to 1")?;
        within("gamma", self.gamma, MAX_GAMMA, "a number from 0 to 100")?;
        within("alpha", self.alpha, 1.0, "a number from 0 to 1")?;
        within("target_threshold", self.target_threshold, 1.0, "a number from 0 to 1")?;
        within("aux_weight", self.aux_weight, MAX_WEIGHT, "a number from 0 to 1000000")?;
        for (key, weights) in
            [("class_weights", &self.class_weights), ("positive_weights", &self.positive_weights)]
        {
            let Some(ClassWeights::Each(weights)) = weights else { continue };
            for weight in weights {
                within(key, Some(*weight), MAX_WEIGHT, "\"balanced\", or numbers from 0 to 1000000")?;
            }
            if weights.iter().all(|weight| *weight == 0.0) {
                return wrong(
                    key,
                    format!("{weights:?}"),
                    "\"balanced\", or numbers of which one is above 0",
                );
            }
        }
        if self.kind == Some(LossKind::CrossEntropy) {
            self.without_binary_settings(false)?;
        }
        let Some(teacher) = &self.teacher else { return Ok(()) };
        within("teacher.alpha", Some(teacher.alpha), 1.0, "a number from 0 to 1")?;
        match teacher.temperature {
            Some(t) if !(1e-3..=1e6).contains(&t) => {
                wrong("teacher.temperature", readable(t), "a number from 0.001 to 1000000")
            }
            Some(t) if teacher.hard => wrong(
                "teacher.temperature",
                readable(t),
                "none beside `hard`, which takes the likeliest class",
            ),
            _ if teacher.model.is_empty() => wrong("teacher.model", "empty", "a run, or a file of weights"),
            _ => Ok(()),
        }
    }

    /// Settings of losses that this one is not.
    fn without_binary_settings(&self, focal: bool) -> Result<(), TrainError> {
        let expected = "none: it belongs to the kind \"bce\"";
        if let (Some(gamma), false) = (self.gamma, focal) {
            return wrong("gamma", readable(gamma), "none: it belongs to the kinds \"focal\" and \"bce\"");
        }
        for (key, value) in [("alpha", self.alpha), ("target_threshold", self.target_threshold)] {
            value.map_or(Ok(()), |value| wrong(key, readable(value), expected))?;
        }
        if self.positive_weights.is_some() {
            return wrong("positive_weights", "given", expected);
        }
        if self.sum_classes { wrong("sum_classes", true, expected) } else { Ok(()) }
    }

    /// The loss for a set of training images, each of one class or of several.
    ///
    /// # Errors
    /// If a setting does not go with such images, or there are not as many weights as classes.
    pub fn criterion(&self, train: &Dataset) -> Result<Criterion, TrainError> {
        let labels = Labels::of(train);
        let kind = self.kind(labels.several);
        let weights = |key, weights: &Option<ClassWeights>, balanced: Vec<f64>| match weights {
            None => Ok(None),
            Some(ClassWeights::Found(Balanced::Balanced)) => Ok(Some(narrow(&balanced))),
            Some(ClassWeights::Each(each)) if each.len() == labels.images.len() => Ok(Some(narrow(each))),
            Some(ClassWeights::Each(each)) => wrong(
                key,
                format!("{} numbers for {} classes", each.len(), labels.images.len()),
                "a number for each class, in their order",
            ),
        };
        let class_weights = weights("class_weights", &self.class_weights, labels.balanced())?;
        let smoothing = self.label_smoothing as f32;
        if labels.several && kind == LossKind::CrossEntropy {
            return wrong("kind", "cross-entropy", "\"bce\" or \"focal\", since images have several classes");
        }
        if labels.several && self.sampling == Sampling::Balanced {
            return wrong("sampling", "balanced", "\"shuffle\", since images have several classes");
        }
        if !labels.several && kind != LossKind::Bce {
            self.without_binary_settings(kind == LossKind::Focal)?;
            let gamma = if kind == LossKind::Focal { self.gamma.unwrap_or(FOCAL[0]) } else { 0.0 };
            return Ok(Criterion::CrossEntropy(CrossEntropy {
                smoothing,
                class_weights,
                gamma: gamma as f32,
            }));
        }
        let [gamma, alpha] = match kind {
            LossKind::Focal => FOCAL.map(Some),
            LossKind::Bce | LossKind::CrossEntropy => [None; 2],
        };
        Ok(Criterion::Binary(Binary {
            smoothing,
            threshold: self.target_threshold.map(|threshold| threshold as f32),
            class_weights,
            positive_weights: weights(
                "positive_weights",
                &self.positive_weights,
                labels.absent_over_present(),
            )?,
            alpha: self.alpha.or(alpha).map(|alpha| alpha as f32),
            gamma: self.gamma.or(gamma).unwrap_or(0.0) as f32,
            sum_classes: self.sum_classes,
        }))
    }

    /// Whether a network has the outputs that are spoken of.
    ///
    /// # Errors
    /// If auxiliary outputs shall count and there are none.
    pub fn check_outputs(&self, graph: &Graph) -> Result<(), TrainError> {
        match self.aux_weight {
            Some(weight) if graph.outputs().len() == 1 => {
                wrong("aux_weight", readable(weight), "none, since the network has no auxiliary outputs")
            }
            _ => Ok(()),
        }
    }

    /// How the teacher's logits are read, where there is one, and how much it counts.
    #[cfg(feature = "train")]
    pub(in super::super) fn reading(&self, several: bool) -> Result<Option<(Reading, f32)>, TrainError> {
        let Some(TeacherSettings { alpha, temperature, hard, .. }) = self.teacher else { return Ok(None) };
        if several && hard {
            return wrong("teacher.hard", true, "false, since images have several classes");
        }
        let temperature = temperature.unwrap_or(TEMPERATURE) as f32;
        let reading = match (hard, several) {
            (true, _) => Reading::Hard,
            (false, false) => Reading::Softmax { temperature },
            (false, true) => Reading::Sigmoid { temperature },
        };
        Ok(Some((reading, alpha as f32)))
    }
}

/// How many of a set's images have each class.
struct Labels {
    images: Vec<usize>,
    all: usize,
    /// Whether images have several classes.
    several: bool,
}

impl Labels {
    fn of(set: &Dataset) -> Self {
        Self { images: set.histogram(), all: set.len(), several: set.multi_labels().is_some() }
    }

    /// n / (k·nᵢ), n all labels; 1 for a class without images.
    fn balanced(&self) -> Vec<f64> {
        let present = self.images.iter().filter(|&&images| images > 0).count();
        let mean = self.images.iter().sum::<usize>() as f64 / present.max(1) as f64;
        self.images.iter().map(|&images| if images > 0 { mean / images as f64 } else { 1.0 }).collect()
    }

    fn absent_over_present(&self) -> Vec<f64> {
        let of = |&images: &usize| (self.all - images) as f64 / images as f64;
        self.images.iter().map(|images| if *images > 0 { of(images) } else { 1.0 }).collect()
    }
}

fn narrow(weights: &[f64]) -> Vec<f32> {
    weights.iter().map(|&weight| weight as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataError, Image, MultiLabels, Samples};

    /// Six images of class a, three of b, none of c, one of d.
    fn set() -> Dataset {
        let labels = vec![0, 0, 0, 1, 1, 1, 3, 0, 0, 0];
        let classes = ["a", "b", "c", "d"].map(String::from).to_vec();
        Dataset::new("x", vec![7; 10], labels, classes, (1, 1, 1)).unwrap()
    }

    fn loss(text: &str) -> Loss {
        toml::from_str(text).unwrap()
    }

    fn criterion(text: &str) -> Criterion {
        let loss = loss(text);
        loss.check().unwrap();
        loss.criterion(&set()).unwrap()
    }

    fn cross(smoothing: f32, class_weights: Option<Vec<f32>>, gamma: f32) -> Criterion {
        Criterion::CrossEntropy(CrossEntropy { smoothing, class_weights, gamma })
    }

    #[test]
    fn settings_become_losses() {
        assert_eq!(criterion(""), Criterion::default());
        assert_eq!(criterion("label_smoothing = 0.1"), cross(0.1, None, 0.0));
        assert_eq!(
            criterion("class_weights = [1, 2.5, 3, 0]"),
            cross(0.0, Some(vec![1.0, 2.5, 3.0, 0.0]), 0.0)
        );
        assert_eq!(criterion("kind = \"focal\""), cross(0.0, None, 2.0));
        assert_eq!(criterion("kind = \"focal\"\ngamma = 1.5"), cross(0.0, None, 1.5));
        // scikit-learn's compute_class_weight("balanced") of classes that have images.
        let balanced = Some(vec![10.0 / 18.0, 10.0 / 9.0, 1.0, 10.0 / 3.0]);
        assert_eq!(criterion("class_weights = \"balanced\""), cross(0.0, balanced, 0.0));
        let binary = "kind = \"bce\"\nlabel_smoothing = 0.1\ntarget_threshold = 0.2\nsum_classes = true\n\
                      positive_weights = \"balanced\"\nalpha = 0.3\ngamma = 1";
        let expected = Binary {
            smoothing: 0.1,
            threshold: Some(0.2),
            class_weights: None,
            positive_weights: Some(vec![4.0 / 6.0, 7.0 / 3.0, 1.0, 9.0]),
            alpha: Some(0.3),
            gamma: 1.0,
            sum_classes: true,
        };
        assert_eq!(criterion(binary), Criterion::Binary(expected));
        assert_eq!(criterion("kind = \"bce\""), Criterion::Binary(Binary::default()));
    }

    #[test]
    fn images_of_several_classes_have_binary_losses() {
        let images = [vec![0, 1], vec![1], vec![], vec![1, 2], vec![0]];
        let labels = MultiLabels::new("x", 3, images).unwrap();
        let classes = ["a", "b", "c"].map(String::from).to_vec();
        let set = Dataset::of("x", Several(labels), classes, (1, 1, 1)).unwrap();
        let criterion = |text: &str| loss(text).criterion(&set);
        assert_eq!(criterion("").unwrap(), Criterion::Binary(Binary::default()));
        let focal = Binary { alpha: Some(0.25), gamma: 2.0, ..Binary::default() };
        assert_eq!(criterion("kind = \"focal\"").unwrap(), Criterion::Binary(focal));
        let weighed = "class_weights = \"balanced\"\npositive_weights = \"balanced\"";
        let expected = Binary {
            class_weights: Some(vec![1.0, 2.0 / 3.0, 2.0]),
            positive_weights: Some(vec![1.5, 2.0 / 3.0, 4.0]),
            ..Binary::default()
        };
        assert_eq!(criterion(weighed).unwrap(), Criterion::Binary(expected));
        for text in ["kind = \"cross-entropy\"", "sampling = \"balanced\""] {
            assert!(
                criterion(text).unwrap_err().to_string().contains("images have several classes"),
                "{text}"
            );
        }
    }

    /// Images of one pixel.
    #[derive(Debug)]
    struct Several(MultiLabels);

    impl Samples for Several {
        fn labels(&self) -> &[u32] {
            &[0; 5]
        }

        fn multi_labels(&self) -> Option<&MultiLabels> {
            Some(&self.0)
        }

        fn image(&self, _: usize) -> Result<Image<'_>, DataError> {
            Image::new((1, 1, 1), vec![0])
        }
    }

    #[test]
    fn teachers_are_read_by_their_settings() {
        let teacher = |text: &str| loss(&format!("[teacher]\nmodel = \"runs/x\"\n{text}"));
        let reading = |text: &str, several| teacher(text).reading(several).unwrap();
        assert_eq!(reading("", false), Some((Reading::Softmax { temperature: 4.0 }, 0.5)));
        let told = reading("alpha = 0.9\ntemperature = 2", true);
        assert_eq!(told, Some((Reading::Sigmoid { temperature: 2.0 }, 0.9)));
        assert_eq!(reading("hard = true", false), Some((Reading::Hard, 0.5)));
        assert!(teacher("hard = true").reading(true).is_err());
        assert_eq!(Loss::default().reading(false).unwrap(), None);
    }

    #[test]
    fn settings_that_cannot_be_followed_are_named() {
        for (text, told) in [
            ("label_smoothing = 1.5", "`loss.label_smoothing` is 1.5, expected a number from 0 to 1"),
            ("label_smoothing = nan", "`loss.label_smoothing` is NaN"),
            ("class_weights = [1, -1]", "`loss.class_weights` is -1"),
            ("class_weights = [0, 0]", "of which one is above 0"),
            ("kind = \"cross-entropy\"\ngamma = 2", "`loss.gamma` is 2, expected none"),
            ("kind = \"cross-entropy\"\nsum_classes = true", "`loss.sum_classes` is true"),
            ("gamma = -1", "`loss.gamma` is -1"),
            ("alpha = 2", "`loss.alpha` is 2"),
            ("target_threshold = 2", "`loss.target_threshold` is 2"),
            ("aux_weight = -0.1", "`loss.aux_weight` is -0.1"),
            ("teacher = { model = \"\" }", "`loss.teacher.model` is empty"),
            ("teacher = { model = \"x\", alpha = 1.1 }", "`loss.teacher.alpha` is 1.1"),
            ("teacher = { model = \"x\", temperature = 0 }", "`loss.teacher.temperature` is 0"),
            ("teacher = { model = \"x\", hard = true, temperature = 2 }", "none beside `hard`"),
        ] {
            let error = loss(text).check().unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        for (text, told) in [
            ("class_weights = [1, 2]", "`loss.class_weights` is 2 numbers for 4 classes"),
            ("gamma = 2", "`loss.gamma` is 2, expected none"),
            ("kind = \"focal\"\nalpha = 0.25", "`loss.alpha` is 0.25, expected none"),
            ("positive_weights = [1, 2, 3, 4]", "`loss.positive_weights` is given, expected none"),
        ] {
            let error = loss(text).criterion(&set()).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        for text in
            ["kind = \"mse\"", "smoothing = 0.1", "class_weights = \"balance\"", "sampling = \"even\""]
        {
            assert!(toml::from_str::<Loss>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn it_is_kept_as_text() {
        let text = "kind = \"bce\"\nclass_weights = \"balanced\"\nsampling = \"balanced\"\n\n\
                    [teacher]\nmodel = \"runs/x\"\nalpha = 0.5\ndigest = \"crc32:0\"\n";
        assert_eq!(toml::to_string(&loss(text)).unwrap(), text);
        assert_eq!(toml::to_string(&Loss::default()).unwrap(), "");
    }
}
