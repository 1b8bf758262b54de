//! Transforms against torchvision's own outputs and draws; `tools/transform_golden.py` writes them.

use serde_json::Value;

use super::super::random::Random;
use super::augment_op::Op;
use super::canvas::Canvas;
use super::values::{Fill, Interpolation};
use super::view::{Levels, View};
use super::warp::{Affine, Lookup, perspective};
use super::{RandomErasing, RandomResizedCrop, Transform};

const OUTPUTS: &str = include_str!("golden/outputs.json");
const DRAWS: &str = include_str!("golden/draws.json");

/// An image of the file.
struct Picture {
    channels: usize,
    size: [usize; 2],
    levels: Vec<u8>,
}

impl Picture {
    fn read(value: &Value) -> Self {
        let shape: [usize; 3] = serde_json::from_value(value["shape"].clone()).unwrap();
        let hex = value["levels"].as_str().unwrap();
        let byte = |place: usize| u8::from_str_radix(&hex[place..place + 2], 16).unwrap();
        let levels = (0..hex.len()).step_by(2).map(byte).collect();
        Self { channels: shape[0], size: [shape[1], shape[2]], levels }
    }

    fn view(&self) -> View<'_> {
        View { channels: self.channels, size: self.size, levels: Levels::Bytes(&self.levels) }
    }

    fn of(view: View) -> Self {
        let levels = match view.levels {
            Levels::Bytes(levels) => levels.to_vec(),
            Levels::Floats(levels) => levels.iter().map(|level| level.round() as u8).collect(),
        };
        Self { channels: view.channels, size: view.size, levels }
    }
}

fn parsed<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// What a function makes of an image.
fn called(call: &Value, picture: &Picture) -> Picture {
    let mut canvas = Canvas::default();
    canvas.load(picture.view());
    let interpolation: Interpolation = parsed(&call["interpolation"]);
    let lookup = Lookup { interpolation, fill: parsed::<Option<Fill>>(&call["fill"]) };
    match call["function"].as_str().unwrap() {
        "perspective" => {
            let coefficients = perspective(parsed(&call["starts"]), parsed(&call["ends"]));
            canvas.perspective(coefficients.unwrap(), lookup);
        }
        "affine" => {
            let affine = Affine {
                angle: parsed(&call["angle"]),
                translate: parsed(&call["translate"]),
                scale: parsed(&call["scale"]),
                shear: parsed(&call["shear"]),
                center: None,
            };
            canvas.affine(affine, lookup);
        }
        _ => {
            let name = call["op"].as_str().unwrap();
            Op::ALL.into_iter().find(|op| format!("{op:?}") == name).unwrap().apply(
                parsed(&call["strength"]),
                &mut canvas,
                lookup,
            );
        }
    }
    Picture::of(canvas.view())
}

/// What a table of a recipe makes of an image.
fn transformed(recipe: &Value, picture: &Picture) -> Picture {
    let transform: Transform = serde_json::from_value(recipe.clone()).unwrap();
    transform.check().unwrap();
    let parameters = transform.parameters();
    let mut step = parameters.step().unwrap();
    let mut random = Random::new(1, 0);
    random.start(0);
    let out = Picture::of(step.apply(picture.view(), &mut random));
    if let Some(promised) = parameters.size(Some(picture.size)) {
        assert_eq!(out.size, promised, "{recipe}");
    }
    out
}

#[test]
fn outputs_are_torchvision_s_within_a_level() {
    let golden: Value = serde_json::from_str(OUTPUTS).unwrap();
    let mut problems = Vec::new();
    let mut not_exact = 0;
    let cases = golden["cases"].as_array().unwrap();
    for case in cases {
        let (call, picture) =
            (&case["call"], Picture::read(&golden["images"][case["image"].as_str().unwrap()]));
        let expected = Picture::read(case);
        let found =
            if call["function"].is_null() { transformed(call, &picture) } else { called(call, &picture) };
        // A grey plane stands for three of the same.
        let planes = found.levels.repeat(expected.channels / found.channels.min(expected.channels));
        if found.size != expected.size || planes.len() != expected.levels.len() {
            problems
                .push(format!("{call} of {}: {:?}, expected {:?}", case["image"], found.size, expected.size));
            continue;
        }
        let far = |(found, expected): &(&u8, &u8)| found.abs_diff(**expected) > 1;
        let pairs = || planes.iter().zip(&expected.levels);
        not_exact += usize::from(pairs().any(|(found, expected)| found != expected));
        let wrong = pairs().filter(far).count();
        if wrong > 0 {
            problems.push(format!("{call} of {}: {wrong} of {} levels", case["image"], planes.len()));
        }
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), cases.len(), problems.join("\n"));
    assert!(5 * not_exact < cases.len(), "{not_exact} of {} cases differ by a level", cases.len());
}

/// The deciles of numbers.
fn deciles(mut values: Vec<usize>) -> Vec<f64> {
    values.sort_unstable();
    (1..10).map(|tenth| values[values.len() * tenth / 10] as f64).collect()
}

#[test]
fn windows_are_drawn_as_torchvision_draws_them() {
    let golden: Value = serde_json::from_str(DRAWS).unwrap();
    let mut random = Random::new(11, 0);
    for table in golden.as_array().unwrap() {
        let size: [usize; 2] = parsed(&table["size"]);
        let mut arguments = table["arguments"].clone();
        let crop = table["name"] == "RandomResizedCrop";
        let count = 20_000;
        let drawn: Vec<[[usize; 2]; 2]> = if crop {
            arguments["size"] = 8.into();
            let crop: RandomResizedCrop = serde_json::from_value(arguments).unwrap();
            (0..count)
                .map(|index| {
                    random.start(index);
                    crop.window(size, &mut random)
                })
                .collect()
        } else {
            let erasing: RandomErasing = serde_json::from_value(arguments).unwrap();
            (0..count)
                .filter_map(|index| {
                    random.start(index);
                    erasing.rectangle(size, &mut random)
                })
                .collect()
        };
        if !crop {
            let (done, expected) = (drawn.len() as f64 / count as f64, table["done"].as_f64().unwrap());
            assert!((done - expected).abs() < 0.015, "{table}: {done}");
        }
        for (name, part, axis) in [("top", 0, 0), ("left", 0, 1), ("height", 1, 0), ("width", 1, 1)] {
            let found = deciles(drawn.iter().map(|drawn| drawn[part][axis]).collect());
            let expected: Vec<f64> = parsed(&table[name]);
            // A decile of so many draws is off by a hundredth of the range, or by the next whole number.
            let near = 1.0 + 0.02 * size[axis] as f64;
            let far = found.iter().zip(&expected).any(|(found, expected)| (found - expected).abs() > near);
            assert!(!far, "{name} of {table}: {found:?}");
        }
    }
}
