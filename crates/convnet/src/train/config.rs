//! `config.toml`: all that is needed to repeat a run.

use serde::{Deserialize, Serialize};

use super::Recipe;
use crate::data::Preprocess;

/// A run's settings, as its `config.toml` holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The version of this crate that made the run.
    pub convnet: String,
    /// The instruction set that it ran on, or the precision of a GPU (`gpu tf32`): results are the same bit for bit on
    /// the same one.
    pub isa: String,
    /// The name that the network was given by: in the zoo, or of the file that it was read from.
    pub model: String,
    /// Channels, height and width of an input image.
    pub input: [usize; 3],
    /// The names of the classes, in the order of the outputs.
    pub classes: Vec<String>,
    /// How images become input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocess: Option<Preprocess>,
    /// The weights that training started from, where they were not drawn from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_from: Option<String>,
    /// How it was trained.
    pub recipe: Recipe,
}

impl RunConfig {
    /// This configuration with the epochs and the limit of steps of another, if it differs from it in these.
    #[cfg(feature = "train")]
    pub(super) fn longer(&self, asked: &Self) -> Option<Self> {
        let length = |config: &Self| (config.recipe.epochs, config.recipe.limit_steps);
        if length(self) == length(asked) {
            return None;
        }
        let mut longer = self.clone();
        (longer.recipe.epochs, longer.recipe.limit_steps) = length(asked);
        Some(longer)
    }

    /// The settings in which another configuration differs: `recipe.lr: 0.1, asked for 0.2`.
    ///
    /// What made the run (the version and the instruction set) is no setting.
    pub fn differences(&self, asked: &Self) -> Vec<String> {
        let (ours, theirs) = (self.settings(), asked.settings());
        let find = |list: &[(String, String)], key: &str| {
            list.iter().find(|(k, _)| k == key).map_or_else(|| "not set".to_string(), |(_, v)| v.clone())
        };
        let mut keys: Vec<&String> = ours.iter().chain(&theirs).map(|(key, _)| key).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .filter_map(|key| {
                let (was, is) = (find(&ours, key), find(&theirs, key));
                (was != is).then(|| format!("`{key}` was {was}, asked for is {is}"))
            })
            .collect()
    }

    /// All settings that decide what a run comes to, with their keys (`lr`, `optimizer.kind`) and their values as TOML
    /// writes them.
    ///
    /// What made the run (the version and the instruction set) is no setting, nor is what is logged of it.
    pub fn settings(&self) -> Vec<(String, String)> {
        let mut settings = Vec::new();
        if let Ok(toml::Value::Table(mut table)) = toml::Value::try_from(self) {
            table.remove("convnet");
            table.remove("isa");
            // It follows from the data and from the weights that training starts from.
            table.remove("preprocess");
            if let Some(toml::Value::Table(mut recipe)) = table.remove("recipe") {
                // Neither what is logged nor where decoded images are kept changes what is learned.
                recipe.remove("log");
                recipe.remove("cache");
                flatten("", &toml::Value::Table(recipe), &mut settings);
            }
            flatten("", &toml::Value::Table(table), &mut settings);
        }
        settings
    }
}

/// The leaves of a TOML value with their keys.
fn flatten(prefix: &str, value: &toml::Value, out: &mut Vec<(String, String)>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&key, value, out);
            }
        }
        // A setting in single precision is told as it was written, and not as the nearest number in double precision.
        toml::Value::Float(number) if f64::from(*number as f32) == *number => {
            out.push((prefix.to_owned(), format!("{:?}", *number as f32)));
        }
        leaf => out.push((prefix.to_owned(), leaf.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Optimizer, RecipePatch};
    use crate::zoo;

    fn config() -> RunConfig {
        RunConfig {
            convnet: "0.1.0".into(),
            isa: "portable".into(),
            model: "lenet".into(),
            input: [1, 32, 32],
            classes: vec!["no".into(), "yes".into()],
            preprocess: None,
            init_from: None,
            recipe: Recipe::for_graph(&zoo::lenet().build().unwrap()),
        }
    }

    #[test]
    fn each_differing_setting_is_named() {
        let run = config();
        assert_eq!(run.differences(&run), Vec::<String>::new());
        let mut over = RecipePatch::of("lr", 0.5).unwrap();
        over.set("optimizer", Optimizer::adam().with_weight_decay(0.1)).unwrap();
        over.set("limit_steps", 7).unwrap();
        let asked = RunConfig {
            isa: "another".into(),
            input: [1, 28, 28],
            recipe: run.recipe.with(&over).unwrap(),
            ..run.clone()
        };
        assert_eq!(
            run.differences(&asked),
            [
                "`input` was [1, 32, 32], asked for is [1, 28, 28]",
                "`limit_steps` was not set, asked for is 7",
                "`lr` was 0.003, asked for is 0.5",
                "`optimizer.weight_decay` was 0.0, asked for is 0.1",
            ]
        );
    }

    #[test]
    fn toml_gives_the_configuration_back() {
        let run = config();
        let text = toml::to_string(&run).unwrap();
        assert_eq!(toml::from_str::<RunConfig>(&text).unwrap(), run);
        let unknown = text.replace("model =", "modell =");
        assert!(toml::from_str::<RunConfig>(&unknown).unwrap_err().to_string().contains("modell"));
    }
}
