//! Classifies an image with a trained network: `cargo run --release -p convnet --example classify -- IMAGE`.

use convnet::exec::{Engine, Options};
use convnet::io::WeightsFile;
use convnet::{data, zoo};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of an image")?;
    let weights = WeightsFile::open("runs/lenet/best.safetensors")?;
    let card = weights.card().ok_or("the weights do not say how they were trained")?;
    let net = zoo::lenet().classes(card.classes.len()).build()?;
    let mut engine = Engine::compile(&net, &weights, 1, &Options::default())?;
    let image = card.preprocess.apply_image(&data::open_image(path)?);
    let scores = engine.run(&image);
    let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0);
    println!("{}: {:.1}%", card.classes[best], 100.0 * scores[best]);
    Ok(())
}
