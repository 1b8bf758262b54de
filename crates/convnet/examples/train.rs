//! Trains LeNet on the bundled images: `cargo run --release -p convnet --example train`.

use convnet::{data, train::Trainer, zoo};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = zoo::lenet().build()?;
    let report = Trainer::new(&net, data::open("fashion-mnist-mini")?).epochs(5).run("runs/example")?;
    if let Some(outcome) = report.outcome {
        println!("epoch {}: {:.1}% of the test images", outcome.epoch, 100.0 * outcome.top1);
    }
    Ok(())
}
