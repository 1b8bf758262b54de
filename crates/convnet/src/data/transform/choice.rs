//! Transforms of which chance tells whether, which one and in which order.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::pipeline::steps;
use super::values::{Fill, check_chance, wrong};
use super::view::View;
use super::{Parameters, Step, Transform};

/// Some transforms, all or none of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomApply {
    /// The transforms, one after the other.
    pub transforms: Vec<Transform>,
    /// The chance that they are applied.
    #[serde(default = "half")]
    pub p: f64,
}

/// One of some transforms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomChoice {
    /// The transforms.
    pub transforms: Vec<Transform>,
    /// How likely each is, in relation to the others; all the same if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<Vec<f64>>,
}

/// Some transforms in any order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomOrder {
    /// The transforms.
    pub transforms: Vec<Transform>,
}

fn half() -> f64 {
    0.5
}

/// What is wrong with transforms within another one.
fn check(transforms: &[Transform]) -> Result<(), String> {
    if transforms.is_empty() {
        return Err("`transforms` is empty, expected at least one".to_owned());
    }
    if let Some(erasing) = transforms.iter().find(|transform| transform.on_input()) {
        let name = erasing.name();
        return Err(format!("`transforms` holds a {name}, which stands at the end of a pipeline alone"));
    }
    transforms.iter().find_map(Transform::problem).map_or(Ok(()), Err)
}

/// The fill of most levels.
fn fill(transforms: &[Transform]) -> Option<Fill> {
    let mut fills = transforms.iter().filter_map(|transform| transform.parameters().fill());
    fills.find(|fill| matches!(fill, Fill::Rgb(_)))
}

impl Parameters for RandomApply {
    fn check(&self) -> Result<(), String> {
        check_chance("p", self.p)?;
        check(&self.transforms)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        let after = self.transforms.iter().fold(before, |size, transform| transform.parameters().size(size));
        after.filter(|_| before == after || self.p == 1.0)
    }

    fn fill(&self) -> Option<Fill> {
        fill(&self.transforms)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(ApplyStep { p: self.p, steps: steps(&self.transforms) }))
    }
}

struct ApplyStep {
    p: f64,
    steps: Vec<Box<dyn Step>>,
}

impl Step for ApplyStep {
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a> {
        match random.chance(self.p) {
            true => self.steps.iter_mut().fold(image, |image, step| step.apply(image, random)),
            false => image,
        }
    }
}

impl Parameters for RandomChoice {
    fn check(&self) -> Result<(), String> {
        check(&self.transforms)?;
        let Some(p) = &self.p else { return Ok(()) };
        let sum: f64 = p.iter().sum();
        let right = p.iter().all(|&p| p >= 0.0) && sum > 0.0 && sum.is_finite();
        match right && p.len() == self.transforms.len() {
            true => Ok(()),
            false => {
                let expected = format!("{} numbers of at least 0, not all 0", self.transforms.len());
                Err(wrong("p", p, &expected))
            }
        }
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        let mut sizes = self.transforms.iter().map(|transform| transform.parameters().size(before));
        let first = sizes.next()?;
        first.filter(|_| sizes.all(|size| size == first))
    }

    fn fill(&self) -> Option<Fill> {
        fill(&self.transforms)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let each = self.transforms.iter().filter_map(|transform| transform.parameters().step());
        let p = self.p.clone().unwrap_or_else(|| vec![1.0; self.transforms.len()]);
        Some(Box::new(ChoiceStep { sum: p.iter().sum(), p, steps: each.collect() }))
    }
}

struct ChoiceStep {
    p: Vec<f64>,
    sum: f64,
    steps: Vec<Box<dyn Step>>,
}

impl Step for ChoiceStep {
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a> {
        let mut rest = random.uniform([0.0, self.sum]);
        let mut chosen = 0;
        for (index, &p) in self.p.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            chosen = index;
            if rest < p {
                break;
            }
            rest -= p;
        }
        self.steps[chosen].apply(image, random)
    }
}

impl Parameters for RandomOrder {
    fn check(&self) -> Result<(), String> {
        check(&self.transforms)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        let stays = |transform: &Transform| transform.parameters().size(before) == before;
        before.filter(|_| self.transforms.iter().all(stays))
    }

    fn fill(&self) -> Option<Fill> {
        fill(&self.transforms)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let each = self.transforms.iter().filter_map(|transform| transform.parameters().step());
        let steps: Vec<_> = each.enumerate().collect();
        Some(Box::new(OrderStep { order: (0..steps.len()).collect(), steps }))
    }
}

struct OrderStep {
    order: Vec<usize>,
    /// Each with its place in the list.
    steps: Vec<(usize, Box<dyn Step>)>,
}

impl Step for OrderStep {
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a> {
        let Self { order, steps } = self;
        order.sort_unstable();
        random.shuffle(order);
        steps.sort_unstable_by_key(|(place, _)| order[*place]);
        steps.iter_mut().fold(image, |image, (_, step)| step.apply(image, random))
    }
}
