//! A network of one's own by the library alone: `cargo run --release -p own-network`.
//!
//! It is defined with an Inception block and a residual one, trained on the bundled images, saved, loaded, and classifies
//! a PNG from four threads that share its weights.

use std::error::Error;

use convnet::data::{self, Image};
use convnet::exec::{Engine, Options};
use convnet::graph::{Builder, Graph, GraphError, concat};
use convnet::io::WeightsFile;
use convnet::ops::{Conv2d, Linear, MaxPool2d};
use convnet::train::{RunDir, Trainer};

fn network() -> Result<Graph, GraphError> {
    let net = Builder::image("own-network", 1, 28, 28);
    let x = net.input().conv2d(Conv2d::new(12, 3).padding(1)).batch_norm2d().relu();
    let x = x.max_pool2d(MaxPool2d::new(2));
    let pooled = x.max_pool2d(MaxPool2d::new(3).stride(1).padding(1));
    let x = concat(&[x.conv2d(Conv2d::new(8, 1)), x.conv2d(Conv2d::new(8, 3).padding(1)), pooled]).relu();
    let y = x.conv2d(Conv2d::new(28, 3).padding(1)).batch_norm2d();
    let x = (y + x).relu().max_pool2d(MaxPool2d::new(2));
    net.build(x.flatten().linear(Linear::new(10)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let net = network()?;
    println!("{}", net.summary());
    let folder = std::env::temp_dir().join(format!("own-network-{}", std::process::id()));
    let report = Trainer::new(&net, data::open("fashion-mnist-mini")?).epochs(2).run(&folder)?;
    let outcome = report.outcome.ok_or("no epoch was finished")?;
    println!("{:.1}% of the test images after epoch {}", 100.0 * outcome.top1, outcome.epoch);

    let weights = WeightsFile::open(RunDir::open(&folder)?.weights()?)?;
    let card = weights.card().ok_or("the weights do not say how they were trained")?;
    let engine = Engine::compile(&net, &weights, 1, &Options::default())?;
    let classify = || -> Result<String, Box<dyn Error + Send + Sync>> {
        let image = Image::from_bytes(include_bytes!("../boot.png"))?;
        let best = engine.logits(&card.preprocess.apply_image(&image))?.top(1)[0][0];
        Ok(card.classes[best.class].clone())
    };
    let answers: Vec<_> = std::thread::scope(|scope| {
        let callers = [(); 4].map(|()| scope.spawn(classify));
        callers.into_iter().map(|caller| caller.join().expect("a caller that does not panic")).collect()
    });
    for answer in answers {
        println!("boot.png is taken for {}", answer.map_err(|error| error.to_string())?);
    }
    Ok(std::fs::remove_dir_all(folder)?)
}
