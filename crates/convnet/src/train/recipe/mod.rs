//! Recipes: the data, augmentation, optimizer and schedule of a training run.

mod checkpoints;
mod freeze;
mod loss;
mod network;
mod parameters;
mod patch;
mod place;
mod progressive;
mod regularize;
mod shipped;
mod split;
mod suiting;

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use toml::Table;

pub use checkpoints::Checkpoints;
pub use freeze::{Freeze, Unfreeze};
pub use loss::{Balanced, ClassWeights, Loss, LossKind, TeacherSettings};
pub use network::{Initialization, Network};
pub use parameters::{NamedGroup, Parameters};
pub use patch::RecipePatch;
pub use progressive::Progressive;
pub use regularize::Regularize;
pub use shipped::{RECIPES, ShippedRecipe};
pub use split::Split;

use super::error::readable;
use super::{Log, Optimizer, Schedule, TrainError};
use crate::data::{self, Augment, Cache, Lists, OpenOptions};
use crate::graph::Graph;

/// All that decides how a network is trained.
///
/// Written as TOML, with the keys of its fields:
///
/// ```toml
/// data = "fashion-mnist"
/// epochs = 10
/// batch = 64
/// lr = 0.003
/// seed = 0
///
/// [optimizer]
/// kind = "adam"
///
/// [schedule]
/// kind = "one-cycle"
///
/// [augment]
/// crop = 2
/// flip = true
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// A data set's name or directory, or a list of images.
    pub data: String,
    /// How often each training image is seen.
    pub epochs: usize,
    /// Images of a step.
    pub batch: usize,
    /// The peak of the learning rate.
    pub lr: f64,
    /// The seed of weights, shuffling, augmentation and dropout.
    pub seed: u64,
    /// Where the run ends before its epochs do, in steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_steps: Option<u64>,
    /// Whether images that cannot be decoded are named and left out; otherwise they are an error.
    #[serde(default, skip_serializing_if = "is_default")]
    pub skip_corrupt: bool,
    /// The update rule.
    pub optimizer: Optimizer,
    /// The learning rate over the run.
    pub schedule: Schedule,
    /// Random changes of the training images.
    #[serde(default, skip_serializing_if = "is_default")]
    pub augment: Augment,
    /// Lists of images in place of `data`, and the names of the classes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lists: Lists,
    /// Which images choose.
    #[serde(default)]
    pub split: Split,
    /// What stays as it is, and until when.
    #[serde(default, skip_serializing_if = "is_default")]
    pub freeze: Freeze,
    /// What training does to the network, and how its weights are drawn.
    #[serde(default, skip_serializing_if = "is_default")]
    pub network: Network,
    /// What is learned from an image, and how often from which.
    #[serde(default, skip_serializing_if = "is_default")]
    pub loss: Loss,
    /// Which parameters are updated how.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parameters: Parameters,
    /// How steps are tamed and averaged, and when the run ends early.
    #[serde(default, skip_serializing_if = "is_default")]
    pub regularize: Regularize,
    /// Training images that grow over the run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub progressive: Progressive,
    /// When it is saved.
    #[serde(default, skip_serializing_if = "is_default")]
    pub checkpoints: Checkpoints,
    /// What is kept of decoded images.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cache: Cache,
    /// What is logged of it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub log: Log,
}

/// Whether a section says nothing that goes without saying.
fn is_default<T: Default + PartialEq>(section: &T) -> bool {
    *section == T::default()
}

/// The most epochs of a run.
const MAX_EPOCHS: usize = 100_000;
/// The most images of a step.
const MAX_BATCH: usize = 1 << 24;
/// The most steps of a run.
const MAX_STEPS: u64 = 1 << 53;

/// The epochs of a run in which the last layer may have one to itself.
const LEAST_EPOCHS: usize = 3;

/// The epochs that a larger rate takes to warm up.
const WARM_UP_EPOCHS: f64 = 5.0;

impl Recipe {
    /// For so many ranks that each take this recipe's batch: batch and rate are as many times as large, and the rate warms up for
    /// five epochs (at most half of the run), where the schedule does not warm up already (Goyal et al. 2017).
    #[must_use]
    pub fn scaled_to(mut self, ranks: usize) -> Self {
        self.batch = self.batch.saturating_mul(ranks);
        self.lr *= ranks as f64;
        let part = (WARM_UP_EPOCHS / self.epochs.max(1) as f64).min(0.5);
        self.schedule = self.schedule.warmed_up(part);
        self
    }

    /// What every recipe starts from.
    fn blank() -> Self {
        Self {
            data: data::DEFAULT.into(),
            epochs: 5,
            batch: 64,
            lr: Optimizer::sgd().usual_lr(),
            seed: 0,
            limit_steps: None,
            optimizer: Optimizer::sgd(),
            schedule: Schedule::one_cycle(),
            augment: Augment::default(),
            lists: Lists::default(),
            split: Split::default(),
            freeze: Freeze::default(),
            network: Network::default(),
            loss: Loss::default(),
            parameters: Parameters::default(),
            regularize: Regularize::default(),
            progressive: Progressive::default(),
            checkpoints: Checkpoints::default(),
            skip_corrupt: false,
            cache: Cache::default(),
            log: Log::default(),
        }
    }

    /// The same for a network whose last layer is new and all others were trained before: that one learns alone in the first
    /// epoch, of three at least, so that its first steps do not spoil what the others know.
    #[must_use]
    pub fn head_first(mut self) -> Self {
        if self.epochs >= LEAST_EPOCHS && !self.freeze.is_any() {
            self.freeze.head_epochs = 1;
        }
        self
    }

    /// The recipe with some settings replaced. Another kind of optimizer brings its usual learning rate, unless a rate is
    /// among the settings too.
    ///
    /// # Errors
    /// If a setting is none of a recipe's, or its value is of another type.
    pub fn with(&self, patch: &RecipePatch) -> Result<Self, TrainError> {
        let fail = |reason: String| TrainError::Recipe { reason };
        let table = Table::try_from(self).map_err(|error| fail(error.to_string()))?;
        let mut recipe: Self =
            patch.over(table).try_into().map_err(|error: toml::de::Error| fail(error.to_string()))?;
        if !recipe.optimizer.same_kind(&self.optimizer) && !patch.has("lr") {
            recipe.lr = recipe.optimizer.usual_lr();
        }
        Ok(recipe)
    }

    /// How its data are opened.
    pub fn opening(&self) -> OpenOptions {
        let (lists, cache) = (self.lists.clone(), self.cache.clone());
        OpenOptions { lists, cache, skip_corrupt: self.skip_corrupt }
    }

    /// Images of a step.
    pub fn step_images(&self) -> usize {
        self.batch.saturating_mul(self.regularize.batches())
    }

    /// As [`Recipe::check`], for images of a size: channels, height and width.
    pub fn check_for(&self, [_, height, width]: [usize; 3]) -> Result<(), TrainError> {
        self.check()?;
        Ok(self.augment.check_for([height, width])?)
    }

    /// Refuses settings that speak of layers which a network does not have, or that leave nothing to learn.
    ///
    /// # Errors
    /// The first such setting.
    pub fn check_layers(&self, graph: &Graph) -> Result<(), TrainError> {
        self.freeze.check_layers(graph)?;
        self.network.check_layers(graph)
    }

    /// Refuses settings that cannot be followed, naming the first.
    pub fn check(&self) -> Result<(), TrainError> {
        let whole = |name: &str, found: u64, range: RangeInclusive<u64>, expected| {
            if range.contains(&found) { Ok(()) } else { Err(TrainError::setting(name, found, expected)) }
        };
        whole("epochs", self.epochs as u64, 1..=MAX_EPOCHS as u64, "a whole number from 1 to 100000")?;
        whole("batch", self.batch as u64, 1..=MAX_BATCH as u64, "a whole number from 1 to 16777216")?;
        let steps = self.limit_steps.unwrap_or(1);
        whole("limit_steps", steps, 1..=MAX_STEPS, "a whole number from 1 to 2^53")?;
        self.augment.check()?;
        self.cache.check()?;
        // TOML has no integers beyond those of 64 bits with a sign.
        if i64::try_from(self.seed).is_err() {
            return Err(TrainError::setting("seed", self.seed, "at most 9223372036854775807"));
        }
        // Weights are float32: a step by less than its smallest number is none.
        if !(f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX)).contains(&self.lr) {
            let expected =
                if self.lr <= 0.0 { "a number above 0" } else { "a number from 1.2e-38 to 3.4e38" };
            return Err(TrainError::setting("lr", readable(self.lr), expected));
        }
        self.optimizer.check()?;
        self.schedule.check()?;
        if let Some((key, found, expected)) = self.lists.wrong() {
            return Err(TrainError::setting(key, found, expected));
        }
        self.split.check()?;
        self.freeze.check()?;
        self.network.check()?;
        self.loss.check()?;
        self.parameters.check()?;
        self.regularize.check()?;
        self.progressive.check()?;
        self.checkpoints.check()?;
        self.log.check()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::suiting::tests::suiting;
    use super::*;
    use crate::optim::{Adam, Sgd};
    use std::path::Path;

    #[test]
    fn a_recipe_for_several_ranks_takes_larger_steps_after_a_warm_up() {
        let recipe = Recipe { batch: 64, lr: 0.1, epochs: 20, ..Recipe::blank() };
        let with = |schedule| Recipe { schedule, ..recipe.clone() }.scaled_to(4);
        let scaled = with(Schedule::Constant { warmup: 0.0 });
        assert_eq!((scaled.batch, scaled.lr), (256, 0.4));
        assert_eq!(scaled.schedule, Schedule::Constant { warmup: 0.25 });
        assert_eq!(with(Schedule::cosine(0.1)).schedule, Schedule::cosine(0.1));
        let short = Recipe { epochs: 2, schedule: Schedule::cosine(0.0), ..recipe.clone() }.scaled_to(2);
        assert_eq!(short.schedule, Schedule::cosine(0.5));
    }

    #[test]
    fn an_unknown_key_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("recipe.toml");
        for (text, key) in [
            ("epoch = 3\n", "epoch"),
            ("[optimizer]\nkind = \"sgd\"\nmomentom = 0.9\n", "momentom"),
            ("[schedule]\nkind = \"one-cycle\"\nclimbs = 0.9\n", "climbs"),
            ("[augment]\nmirror = true\n", "mirror"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = RecipePatch::read(&path).unwrap_err().to_string();
            assert!(
                error.contains("recipe.toml") && error.contains(&format!("has no key `{key}`")),
                "{error}"
            );
        }
        assert!(
            RecipePatch::read(&directory.path().join("none.toml")).unwrap_err().to_string().contains("read")
        );
    }

    #[test]
    fn another_optimizer_brings_its_rate() {
        let lenet = suiting("lenet");
        let mut sgd = RecipePatch::of("optimizer", Optimizer::sgd()).unwrap();
        assert_eq!(lenet.with(&sgd).unwrap().lr, Optimizer::sgd().usual_lr());
        assert_eq!(lenet.with(sgd.set("lr", 0.3).unwrap()).unwrap().lr, 0.3);
    }

    #[test]
    fn settings_that_cannot_be_followed_are_named() {
        let fail = |change: fn(&mut Recipe)| {
            let mut recipe = suiting("lenet");
            change(&mut recipe);
            recipe.check().unwrap_err().to_string()
        };
        assert!(fail(|recipe| recipe.batch = 0).contains("`batch` is 0"));
        assert!(fail(|recipe| recipe.epochs = 0).contains("`epochs` is 0"));
        assert!(fail(|recipe| recipe.lr = f64::NAN).contains("`lr` is NaN"));
        assert!(fail(|recipe| recipe.seed = u64::MAX).contains("`seed`"));
        assert_eq!(fail(|recipe| recipe.lr = -1.0), "setting `lr` is -1, expected a number above 0");
        let small = fail(|recipe| recipe.lr = 1e-320);
        assert_eq!(small, "setting `lr` is 1e-320, expected a number from 1.2e-38 to 3.4e38");
        assert!(fail(|recipe| recipe.lr = 1e39).contains("`lr` is 1e39"));
        for told in [fail(|recipe| recipe.epochs = 100_001), fail(|recipe| recipe.epochs = usize::MAX)] {
            assert!(told.ends_with("expected a whole number from 1 to 100000"), "{told}");
        }
        assert!(fail(|recipe| recipe.batch = usize::MAX).contains("`batch`"));
        assert!(fail(|recipe| recipe.limit_steps = Some(0)).contains("`limit_steps` is 0"));
        let points = |recipe: &mut Recipe| {
            recipe.schedule = Schedule::Milestones { at: vec![0.5; 1001], gamma: 0.1, warmup: 0.0 };
        };
        assert!(fail(points).contains("1001 points"));
        assert!(fail(|recipe| recipe.split.validation = 1.0).contains("`split.validation` is 1"));
        assert!(fail(|recipe| recipe.regularize.ema = Some(1.0)).contains("`regularize.ema` is 1"));
        assert!(fail(|recipe| recipe.regularize.clip_norm = Some(0.0)).contains("`regularize.clip_norm`"));
        assert!(fail(|recipe| recipe.regularize.early_stopping = Some(0)).contains("early_stopping"));
        assert!(fail(|recipe| recipe.checkpoints.keep = 0).contains("`checkpoints.keep` is 0"));
        assert!(fail(|recipe| recipe.checkpoints.every_minutes = f64::NAN).contains("every_minutes"));
    }

    #[test]
    fn a_table_with_a_kind_takes_the_place_of_another_and_one_without_is_laid_over_it() {
        let patch = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("recipe.toml");
            std::fs::write(&path, text).unwrap();
            RecipePatch::read(&path).unwrap()
        };
        let resnet = suiting("resnet18");
        let over = resnet.with(&patch("[schedule]\nkind = \"cosine\"\nend = 0.1\n")).unwrap();
        assert_eq!(over.schedule, Schedule::Cosine { warmup: 0.0, end: 0.1 });
        let over = resnet.with(&patch("[optimizer]\nweight_decay = 0.25\n")).unwrap();
        assert_eq!(over.optimizer, Optimizer::sgd().with_weight_decay(0.25));
        assert_eq!(over.lr, resnet.lr);
        let over = resnet.with(&patch("[regularize]\nema = 0.5\n")).unwrap();
        let over = over.with(&RecipePatch::of("regularize.accumulate", 3).unwrap()).unwrap();
        assert_eq!((over.regularize.ema, over.step_images()), (Some(0.5), 3 * resnet.batch));
    }

    #[test]
    fn a_crop_beyond_the_side_is_refused() {
        let crop =
            |crop| Recipe { augment: Augment { crop: Some(crop), ..Augment::default() }, ..suiting("lenet") };
        crop(27).check_for([1, 28, 32]).unwrap();
        let error = crop(28).check_for([1, 28, 32]).unwrap_err().to_string();
        assert!(error.contains("`augment.crop` is 28 for images of 28x32"), "{error}");
    }

    #[test]
    fn a_recipe_file_is_bounded_before_it_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("long.toml");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        let error = RecipePatch::read(&path).unwrap_err().to_string();
        assert!(error.contains("long.toml") && error.contains("at most 1048576"), "{error}");
        #[cfg(unix)]
        {
            let error = RecipePatch::read(Path::new("/dev/zero")).unwrap_err().to_string();
            assert!(error.contains("a device"), "{error}");
            let pipe = directory.path().join("pipe.toml");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            let error = RecipePatch::read(&pipe).unwrap_err().to_string();
            assert!(error.contains("pipe.toml") && error.contains("a pipe"), "{error}");
        }
    }

    fn optimizers() -> impl Strategy<Value = Optimizer> {
        prop_oneof![
            (0.0..1.0_f32, any::<bool>(), 0.0..0.1_f32).prop_map(|(momentum, nesterov, weight_decay)| {
                Sgd { momentum, nesterov, weight_decay, ..Sgd::default() }.into()
            }),
            (0.0..1.0_f32, 0.0..1.0_f32, 1e-9..1e-3_f32, 0.0..0.1_f32).prop_map(
                |(beta1, beta2, eps, weight_decay)| Adam {
                    beta1,
                    beta2,
                    eps,
                    weight_decay,
                    ..Adam::default()
                }
                .into()
            ),
        ]
    }

    fn schedules() -> impl Strategy<Value = Schedule> {
        prop_oneof![
            (0.0..1.0).prop_map(|warmup| Schedule::Constant { warmup }),
            (1..9_usize, 0.01..1.0).prop_map(|(every, gamma)| Schedule::Step { every, gamma, warmup: 0.0 }),
            (prop::collection::vec(0.0..1.0, 0..4), 0.01..1.0).prop_map(|(at, gamma)| Schedule::Milestones {
                at,
                gamma,
                warmup: 0.5
            }),
            (0.0..1.0, 0.0..1.0).prop_map(|(warmup, end)| Schedule::Cosine { warmup, end }),
            (0.0..1.0, 1.0..50.0, 1.0..1e5).prop_map(|(climb, start_divisor, end_divisor)| {
                Schedule::OneCycle { climb, start_divisor, end_divisor }
            }),
        ]
    }

    proptest! {
        #[test]
        fn toml_gives_the_recipe_back(
            optimizer in optimizers(),
            schedule in schedules(),
            lr in 1e-6..1.0_f64,
            seed in 0..=i64::MAX as u64,
            crop in 0..9_usize,
            limit in prop::option::of(1..1000_u64),
        ) {
            let recipe = Recipe {
                lr,
                seed,
                optimizer,
                schedule,
                limit_steps: limit,
                augment: Augment { crop: Some(crop), flip: Some(crop % 2 == 0), ..Augment::default() },
                ..suiting("lenet")
            };
            let text = toml::to_string(&recipe).unwrap();
            prop_assert_eq!(toml::from_str::<Recipe>(&text).unwrap(), recipe, "{}", text);
        }
    }
}
