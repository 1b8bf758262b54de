//! Images that two splits have in common, or nearly so.

use convnet::data::{DataSets, Near, Seen};

use super::data::{NearData, SeenData};
use crate::ExplainError;
use crate::sprite::Sprite;
use crate::thumbs::thumbnail;

/// Pairs that are shown.
const SHOWN: usize = 60;

/// What was found.
#[derive(Default)]
pub(super) struct Pairs {
    pub(super) pairs: Vec<NearData>,
    pub(super) told: String,
    pub(super) sprite: Option<Sprite>,
}

/// The pairs of splits, the most alike first.
pub(super) fn pairs(splits: Option<&DataSets>) -> Result<Pairs, ExplainError> {
    let Some(splits) = splits.filter(|splits| splits.splits().count() > 1) else {
        return Ok(Pairs::default());
    };
    let mut near = splits.near_repeats()?;
    if let Some(left) = near.left {
        let told = format!("Images that are nearly the same in two splits were not looked for: {left}.");
        return Ok(Pairs { told, ..Pairs::default() });
    }
    near.found.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
    let names: Vec<&str> = splits.splits().map(|(name, _)| name).collect();
    let splits_told = names.join(" and ");
    let told = match near.found.len() {
        0 => {
            format!("No image was found that shows the same picture as one of another split ({splits_told}).")
        }
        found => format!(
            "{found} {} the same picture as one of another split ({splits_told}), or nearly so{}. What a network learned from \
             it is measured on then.",
            if found == 1 { "image shows" } else { "images show" },
            if found > SHOWN { format!("; the {SHOWN} most alike are shown") } else { String::new() },
        ),
    };
    near.found.truncate(SHOWN);
    let picture = |seen: &Seen| {
        let set = splits.splits().find(|(name, _)| *name == seen.split).map_or(&splits.train, |(_, set)| set);
        Ok(thumbnail(&set.image(seen.index)?))
    };
    let pictures = near.found.iter().flat_map(|pair| [&pair.first, &pair.second]).map(picture);
    let pictures = pictures.collect::<Result<Vec<_>, ExplainError>>()?;
    let sprite = if pictures.is_empty() { None } else { Some(Sprite::of(&pictures)?) };
    Ok(Pairs { pairs: near.found.into_iter().map(pair).collect(), told, sprite })
}

fn pair(near: Near) -> NearData {
    let seen = |seen: Seen| SeenData { split: seen.split, name: seen.name, label: seen.label as usize };
    NearData { first: seen(near.first), second: seen(near.second), likeness: near.likeness, bits: near.bits }
}
