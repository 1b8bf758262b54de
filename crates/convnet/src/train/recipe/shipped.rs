//! The recipes that have a name: TOML files that are part of the program.

use super::RecipePatch;

/// A recipe that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShippedRecipe {
    /// What [`RecipePatch::named`] knows it by.
    pub name: &'static str,
    /// The recipe as a TOML file, which says in its first line what it is for.
    pub text: &'static str,
}

impl ShippedRecipe {
    /// The recipe of a name in [`RECIPES`].
    pub fn find(name: &str) -> Option<&'static Self> {
        RECIPES.iter().find(|shipped| shipped.name == name)
    }

    /// What it is for, in a line.
    pub fn summary(&self) -> &'static str {
        self.text.lines().next().map_or("", |line| line.trim_start_matches(['#', ' ']))
    }
}

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        [$(ShippedRecipe { name: $name, text: include_str!(concat!("shipped/", $name, ".toml")) }),+]
    };
}

/// The recipes that have a name.
pub static RECIPES: [ShippedRecipe; 12] = shipped![
    "lenet",
    "alexnet",
    "vgg",
    "nin",
    "googlenet",
    "resnet",
    "densenet",
    "adam-one-cycle",
    "adam-cosine",
    "sgd-cosine",
    "sgd-step",
    "adamw-cosine",
];

impl RecipePatch {
    /// The recipe of a name in [`RECIPES`].
    pub fn named(name: &str) -> Option<Self> {
        let shipped = ShippedRecipe::find(name)?;
        // That each can be read is tested.
        Self::of_text(shipped.text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_it_is_for_and_can_be_followed() {
        for shipped in &RECIPES {
            assert!(shipped.summary().len() > 20, "{}", shipped.name);
            RecipePatch::of_text(shipped.text).unwrap_or_else(|error| panic!("{}: {error}", shipped.name));
        }
        assert_eq!(RecipePatch::named("adam"), None);
    }
}
