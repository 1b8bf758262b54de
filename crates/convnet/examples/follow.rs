//! Trains on given weights and batches, to be compared with another program: prints the loss of each step.
//!
//! `follow MODEL CxHxW CLASSES FILE.safetensors LR`: the file holds the weights, `batch.images` (S, N, C, H, W) and
//! `batch.labels` (S, N) for S steps of SGD with momentum 0.9, without dropout. `bench/loss.py` writes it.

use convnet::exec::{Options, TrainingStep};
use convnet::io::WeightsFile;
use convnet::optim::Optimizer;
use convnet::state::TensorSource;
use convnet::zoo;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, size, classes, path, lr] = &arguments[..] else {
        return Err("give a model, CxHxW, the classes, a file and a learning rate".into());
    };
    let size: Vec<usize> = size.split('x').map(str::parse).collect::<Result<_, _>>()?;
    let &[channels, height, width] = &size[..] else { return Err("the size is CxHxW".into()) };
    let net = zoo::find(model)?.model().input(channels, height, width).classes(classes.parse()?).build()?;
    let file = WeightsFile::open(path)?;
    let &[steps, batch] = &file.shape("batch.labels").ok_or("no labels")?[..] else {
        return Err("batch.labels is (S, N)".into());
    };
    let sgd = Optimizer::sgd();
    let mut training =
        TrainingStep::compile(&net, &file, batch, sgd, 0, &Options::default())?.without_dropout();
    let groups = training.uniform_groups();
    let (mut images, mut labels) = (vec![0.0; batch * channels * height * width], vec![0.0; batch]);
    for step in 0..steps {
        file.read("batch.images", step * images.len(), &mut images)?;
        file.read("batch.labels", step * batch, &mut labels)?;
        let classes: Vec<u32> = labels.iter().map(|&label| label as u32).collect();
        println!("{}", training.step(&images, &classes, &groups, lr.parse()?)?.loss);
    }
    Ok(())
}
