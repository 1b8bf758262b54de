//! Classifies an image with a trained network: `cargo run --release -p convnet --example classify -- IMAGE`.

use convnet::data::Image;
use convnet::exec::{Engine, Options};
use convnet::model::{Model, OpenOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of an image")?;
    let Model { graph, weights, card, .. } = Model::open("runs/lenet", &OpenOptions::default())?;
    let (weights, card) = weights.zip(card).ok_or("the run does not say how it was trained")?;
    let engine = Engine::compile(&graph, &weights, 1, &Options::default())?;
    let image = card.preprocess.apply_image(&Image::open(path)?);
    let best = engine.run(&image)?.top(1)[0][0];
    println!("{}: {:.1}%", card.classes[best.class], 100.0 * best.score);
    Ok(())
}
