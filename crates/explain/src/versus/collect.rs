//! What the page of two runs shows, from both networks and the same images.

use convnet::data::{Dataset, Image};
use convnet::train::{ClassFigures, Measurements, Prediction, likeliest};

use super::agreement::agreement;
use super::data::{
    AnswerData, ClassData, DifferingData, FigureData, HeatData, ImageData, PhotoData, SideData, VersusData,
};
use super::{Side, Versus};
use crate::measured::{self, Figure, measure};
use crate::page::encode;
use crate::thumbs::{Thumbs, image_name};
use crate::{CamMethod, ExplainError, Lens, Palette, enlarged, last_maps, network_view, overlay};

/// Images that are shown of those on which the two differ, by who is right.
const SHOWN: usize = 24;
/// Photos where none is given: images on which one alone is right, so many for each.
const EACH: usize = 3;
/// Answers that are told.
const ANSWERS: usize = 5;
const ANSWERS_OF_IMAGE: usize = 3;
/// The side of photos.
const SIDE: u32 = 224;
/// How much of a mixture of photo and colours is the colours'.
const STRENGTH: f32 = 0.5;

/// What both make of the same images.
struct Both {
    measured: [Measurements; 2],
    seen: [Vec<Answer>; 2],
}

/// What a network makes of an image, as far as the page needs it.
struct Answer {
    label: usize,
    /// The likeliest classes with their probabilities.
    likeliest: Vec<(usize, f64)>,
    is_right: bool,
}

impl Answer {
    fn of(seen: &Prediction) -> Self {
        let likeliest = seen.likeliest(ANSWERS_OF_IMAGE);
        Self { label: seen.label, likeliest, is_right: seen.is_right() }
    }

    /// The probability of the likeliest class.
    fn confidence(&self) -> f64 {
        self.likeliest.first().map_or(0.0, |(_, probability)| *probability)
    }
}

impl Versus<'_> {
    pub(super) fn collect(&self, done: &mut dyn FnMut(usize)) -> Result<VersusData, ExplainError> {
        let names = [&self.sides[0].name, &self.sides[1].name].map(String::clone);
        let both = match self.images {
            Some(images) => Some(self.measure(images, done)?),
            None => None,
        };
        let mut thumbs = Thumbs::default();
        let differing = both.as_ref().map_or_else(Vec::new, |both| differing(both, &mut thumbs));
        let image = |images: &Dataset, both: &Both, index: usize| ImageData {
            name: image_name(images, index),
            truth: both.seen[0][index].label,
            answers: [0, 1].map(|side| both.seen[side][index].likeliest.clone()),
        };
        let (shown, sprite) = match (self.images, &both) {
            (Some(images), Some(both)) => (
                thumbs.shown.iter().map(|&index| image(images, both, index)).collect(),
                Some(thumbs.sprite(images)?),
            ),
            _ => (Vec::new(), None),
        };
        Ok(VersusData {
            about: self.told.about.clone(),
            notes: self.told.notes.clone(),
            facts: self.told.facts.clone(),
            settings: self.told.settings.clone(),
            curves: self.told.curves.clone(),
            figures: both.as_ref().map_or_else(Vec::new, figures),
            classes: self.images.map_or_else(Vec::new, |images| images.classes.clone()),
            by_class: both.as_ref().map_or_else(Vec::new, by_class),
            agreement: both.as_ref().map(|both| {
                let right = both.seen[0].iter().zip(&both.seen[1]).map(|(a, b)| [a.is_right, b.is_right]);
                agreement(&names, right)
            }),
            images: shown,
            sprite,
            differing,
            photos: self.photos(both.as_ref())?,
            names,
        })
    }

    fn measure(&self, images: &Dataset, done: &mut dyn FnMut(usize)) -> Result<Both, ExplainError> {
        let mut count = 0;
        let mut one = |side: &Side<'_>| {
            let engine = measured::engine(side.graph, side.weights, images, &self.options)?;
            let mut seen = Vec::with_capacity(images.len());
            let measured = measure(&engine, images, side.preprocess, &mut |one| {
                seen.push(Answer::of(&one));
                count += 1;
                done(count);
            })?;
            Ok::<_, ExplainError>((measured, seen))
        };
        let (first, second) = (one(&self.sides[0])?, one(&self.sides[1])?);
        Ok(Both { measured: [first.0, second.0], seen: [first.1, second.1] })
    }

    /// The photos that were given, else images on which one of the two alone is right.
    fn photos(&self, both: Option<&Both>) -> Result<Vec<PhotoData>, ExplainError> {
        let mut lenses = [self.lens(0)?, self.lens(1)?];
        let mut photos = Vec::new();
        for (name, image) in self.photos {
            photos.push(self.photo(name.clone(), None, image, &mut lenses)?);
        }
        if let (true, Some(images), Some(both)) = (photos.is_empty(), self.images, both) {
            let chosen = [ONE, TWO].into_iter().flat_map(|kind| of_kind(both, kind).into_iter().take(EACH));
            for index in chosen.collect::<Vec<_>>() {
                let name = image_name(images, index);
                let truth = Some(both.seen[0][index].label);
                photos.push(self.photo(name, truth, &images.image(index)?, &mut lenses)?);
            }
        }
        Ok(photos)
    }

    fn lens(&self, side: usize) -> Result<Lens, ExplainError> {
        let side = &self.sides[side];
        let layers: Vec<_> = last_maps(side.graph).into_iter().collect();
        Ok(Lens::open(side.graph, side.weights, &layers, &self.options)?.of_several(side.several))
    }

    fn photo(
        &self,
        name: String,
        truth: Option<usize>,
        image: &Image<'_>,
        lenses: &mut [Lens; 2],
    ) -> Result<PhotoData, ExplainError> {
        let [first, second] = lenses;
        let inputs = [0, 1].map(|side| self.sides[side].preprocess.apply_image(image));
        let tops = [first.likeliest(&inputs[0])?, second.likeliest(&inputs[1])?];
        let sides = [
            self.sides[0].through(first, &inputs[0], &self.wanted(0, tops))?,
            self.sides[1].through(second, &inputs[1], &self.wanted(1, tops))?,
        ];
        Ok(PhotoData { name, truth, sides })
    }

    /// The classes of a side whose heat maps are shown: what it takes the photo for, and what the other does, by name.
    fn wanted(&self, side: usize, tops: [usize; 2]) -> Vec<usize> {
        let mut wanted = vec![tops[side]];
        let other = self.sides[1 - side].names.get(tops[1 - side]);
        let same = other.and_then(|other| self.sides[side].names.iter().position(|name| name == other));
        wanted.extend(same.filter(|class| *class != tops[side]));
        wanted
    }
}

impl Side<'_> {
    fn through(&self, lens: &mut Lens, input: &[f32], classes: &[usize]) -> Result<SideData, ExplainError> {
        let logits = lens.logits(input)?;
        let probabilities = lens.probabilities(&logits)?;
        let name = |class: usize| self.names.get(class).cloned().unwrap_or_else(|| format!("class {class}"));
        let answers = likeliest(&probabilities, ANSWERS);
        let photo = enlarged(&network_view(self.preprocess, input), SIDE);
        let mut heats = Vec::new();
        if let Some(layer) = last_maps(self.graph) {
            for &class in classes {
                let heat = lens.cam(CamMethod::GradCam, input, class, layer)?.scaled();
                heats.push(HeatData {
                    class,
                    name: name(class),
                    method: "Grad-CAM",
                    picture: encode::photo(&overlay(&photo, &heat, Palette::Viridis, STRENGTH))?,
                });
            }
        }
        let answer =
            |(class, probability): (usize, f64)| AnswerData { class, name: name(class), probability };
        Ok(SideData {
            photo: encode::photo(&photo)?,
            answers: answers.into_iter().map(answer).collect(),
            heats,
        })
    }
}

/// Which of the two is right.
type Kind = [bool; 2];

const ONE: Kind = [true, false];
const TWO: Kind = [false, true];
const NEITHER: Kind = [false, false];

/// The images on which just these are right, the surest answers of a wrong one first.
fn of_kind(both: &Both, kind: Kind) -> Vec<usize> {
    let mut found: Vec<(f64, usize)> = (0..both.seen[0].len())
        .filter(|&index| [0, 1].map(|side| both.seen[side][index].is_right) == kind)
        .map(|index| {
            let sure = |side: usize| if kind[side] { 0.0 } else { both.seen[side][index].confidence() };
            (sure(0).max(sure(1)), index)
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    found.into_iter().map(|(_, index)| index).collect()
}

fn differing(both: &Both, thumbs: &mut Thumbs) -> Vec<DifferingData> {
    [("first", ONE), ("second", TWO), ("neither", NEITHER)]
        .map(|(name, kind)| {
            let found = of_kind(both, kind);
            DifferingData {
                kind: name,
                more: found.len().saturating_sub(SHOWN),
                images: found.into_iter().take(SHOWN).map(|index| thumbs.slot(index)).collect(),
            }
        })
        .into()
}

fn figures(both: &Both) -> Vec<FigureData> {
    let [first, second] = &both.measured;
    let figure = |figure: &'static Figure| {
        let values = [figure.text(first), figure.text(second)];
        let is_less = (figure.of)(first) < (figure.of)(second);
        // What looks equal is.
        let better = (values[0] != values[1]).then(|| usize::from(is_less == figure.is_better_larger));
        FigureData { name: figure.name, values, meaning: figure.meaning, better }
    };
    Figure::of_classes(first.evaluation.confusion.classes()).map(figure).collect()
}

fn by_class(both: &Both) -> Vec<ClassData> {
    let [first, second] = &both.measured;
    let class = |(class, (one, two)): (usize, (&ClassFigures, &ClassFigures))| ClassData {
        class,
        images: u64::from(one.images),
        recall: [one.recall, two.recall],
    };
    first.classes.iter().zip(&second.classes).enumerate().map(class).collect()
}
