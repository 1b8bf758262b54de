//! Values whose images are not first: what attention makes of (N, T, 3·C), with the three parts before the images, until one of
//! them is taken.

use super::call::{Call, Known, axes, axis};
use super::fold::is_real;
use super::importer::Importer;
use super::lift::LONGEST;
use super::slices::slices;
use super::split::lengths;
use super::views::View;

/// Elements under axes of which some stand before the images.
#[derive(Clone, Debug)]
pub(super) struct Apart {
    /// The elements; their axes without that of the images.
    view: View,
    /// How many axes stand before the images.
    before: usize,
}

impl Apart {
    /// The axis of an image that an axis of the value is; `None` for that of the images.
    fn own(&self, axis: usize) -> Option<usize> {
        match axis.cmp(&self.before) {
            std::cmp::Ordering::Less => Some(axis),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(axis - 1),
        }
    }
}

impl Importer<'_> {
    /// The axes of a value in another order.
    pub(super) fn turned_images(&self, view: View, before: usize, order: &[usize]) -> Result<Known, String> {
        let apart = Apart { view, before };
        let place = order.iter().position(|&axis| axis == before);
        let before = place.ok_or_else(|| format!("perm is {order:?}, which has no images"))?;
        let own: Vec<usize> = order.iter().filter_map(|&axis| apart.own(axis)).collect();
        let view = View { axes: apart.view.axes.permuted(&own), ..apart.view };
        Ok(self.with_images(Apart { view, before }))
    }

    /// The same as what following nodes read.
    fn with_images(&self, apart: Apart) -> Known {
        if apart.before == 0 { self.known(apart.view) } else { Known::Apart(apart) }
    }

    /// What an operator gives of a value whose images are not first; `None` for any other value.
    pub(super) fn apart(&mut self, call: &Call<'_>) -> Result<Option<Vec<Known>>, String> {
        let Some(Some(Known::Apart(apart))) = call.inputs.first() else { return Ok(None) };
        let mut apart = apart.clone();
        let rank = apart.view.axes.sizes.len() + 1;
        match call.op() {
            "Identity" | "CastLike" => {}
            "Cast" if is_real(call)? => {}
            "Transpose" => {
                let order = call.permutation(rank)?;
                return self.turned_images(apart.view, apart.before, &order).map(|known| Some(vec![known]));
            }
            "Gather" => {
                let along = axis(call.int("axis", 0)?, rank)?;
                let own = apart.own(along).ok_or("it gathers images")?;
                let indices = call.needed(1, "indices")?.shape.len();
                apart.view = self.gathered_along(call, &apart.view, own)?;
                if along < apart.before {
                    apart.before = apart.before + indices - 1;
                }
            }
            "Slice" => {
                let sizes = apart.view.axes.sizes.clone();
                let known: Vec<Option<usize>> =
                    (0..rank).map(|axis| apart.own(axis).map(|own| sizes[own])).collect();
                for (axis, taken) in slices(call, &known)? {
                    if let (Some(indices), Some(own)) = (taken, apart.own(axis)) {
                        apart.view = self.picked_along(call, &apart.view, own, indices)?;
                    }
                }
            }
            "Squeeze" => {
                let dropped =
                    axes(&call.axes(1)?.ok_or("without axes it drops that of the images too")?, rank)?;
                let own: Option<Vec<usize>> = dropped.iter().map(|&axis| apart.own(axis)).collect();
                let own = own.ok_or("it drops the images")?;
                if own.iter().any(|&axis| apart.view.axes.sizes[axis] != 1) {
                    return Err(format!("axes {dropped:?} are not all of one element"));
                }
                let kept: Vec<usize> = (0..rank - 1).filter(|axis| !own.contains(axis)).collect();
                apart.view.axes = apart.view.axes.permuted(&kept);
                apart.before -= dropped.iter().filter(|&&axis| axis < apart.before).count();
            }
            "Split" => {
                let along = axis(call.int("axis", 0)?, rank)?;
                let own = apart.own(along).ok_or("it splits the images")?;
                let parts = self.split_along(call, &apart.view, own)?;
                let parts = parts.into_iter().map(|view| self.with_images(Apart { view, ..apart.clone() }));
                return Ok(Some(parts.collect()));
            }
            _ => return Err("its images are not first; only parts of it are taken".into()),
        }
        Ok(Some(vec![self.with_images(apart)]))
    }

    /// The parts of a view along an axis.
    pub(super) fn split_along(
        &mut self,
        call: &Call<'_>,
        view: &View,
        along: usize,
    ) -> Result<Vec<View>, String> {
        let size = view.axes.sizes[along];
        if size > LONGEST {
            return Err(format!("of {size} elements along an axis, expected at most {LONGEST}"));
        }
        let mut start = 0;
        let mut parts = Vec::new();
        for length in lengths(call, size, along)? {
            parts.push(self.picked_along(call, view, along, (start..start + length).collect())?);
            start += length;
        }
        Ok(parts)
    }
}
