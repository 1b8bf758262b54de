//! Classifies an image with a trained network: `cargo run --release -p convnet --example classify -- IMAGE`.

use convnet::exec::{Engine, Options};
use convnet::train::Weights;
use convnet::{data, zoo};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of an image")?;
    let weights = Weights::open("runs/lenet/best.safetensors")?;
    let card = weights.card.ok_or("the weights do not say how they were trained")?;
    let net = zoo::lenet().classes(card.classes.len()).build()?;
    let engine = Engine::compile(&net, &weights.state, 1, &Options::default())?;
    let image = card.preprocess.apply_image(&data::open_image(path)?);
    let best = engine.run(&image)?.top(1)[0][0];
    println!("{}: {:.1}%", card.classes[best.class], 100.0 * best.score);
    Ok(())
}
