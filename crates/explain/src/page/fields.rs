//! Effective receptive fields beside the theoretical ones.

use convnet::graph::NodeId;

use super::data::EffectiveData;
use super::{Page, encode};
use crate::{ExplainError, Heat, effective_field};

/// Images that a field is averaged over, at most.
const AVERAGED: usize = 8;
/// The part of the largest value above which a pixel belongs to the effective field: 1 − 95.45%, two deviations of a Gaussian
/// (Luo et al. 2016).
const COUNTED: f32 = 0.0455;

/// The effective fields of the middle cells of layers, over the page's pictures.
pub(super) fn effective(page: &Page<'_>, layers: &[NodeId]) -> Result<Vec<EffectiveData>, ExplainError> {
    let photos = &page.photos[..page.photos.len().min(AVERAGED)];
    let images: Vec<f32> = photos.iter().flat_map(|photo| photo.input.iter().copied()).collect();
    let field = |&id: &NodeId| {
        let heat = effective_field(page.graph, page.weights, id, &images, &page.options)?;
        let (height, width) = page.graph.node(id).shape.spatial();
        let (levels, size) = levels(&heat);
        Ok(EffectiveData {
            node: id.index(),
            images: photos.len(),
            middle: [height / 2, width / 2],
            height: heat.height,
            width: heat.width,
            levels: encode::base64(&levels),
            size,
        })
    };
    layers.iter().map(field).collect()
}

/// The square roots of the shares of the largest value, and the side of the square that has as many pixels as count.
fn levels(heat: &Heat) -> (Vec<u8>, f64) {
    let (_, most) = heat.range();
    if most <= 0.0 {
        return (vec![0; heat.values.len()], 0.0);
    }
    let level = |value: &f32| ((value / most).sqrt() * 255.0).round() as u8;
    let counted = heat.values.iter().filter(|value| **value > COUNTED * most).count();
    (heat.values.iter().map(level).collect(), (counted as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_count_from_a_part_of_the_largest() {
        let heat = Heat::new(2, 3, vec![4.0, 1.0, 0.19, 0.18, 0.0, 4.0]);
        let (found, size) = levels(&heat);
        assert_eq!(found, [255, 128, 56, 54, 0, 255]);
        assert_eq!(size, 2.0);
        assert_eq!(levels(&Heat::new(1, 2, vec![0.0; 2])), (vec![0, 0], 0.0));
    }
}
