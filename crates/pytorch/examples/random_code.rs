//! Writes random networks as PyTorch code, each with weights, images and the outputs that the plain implementations give:
//! `random_code FOLDER COUNT`. `tools/pytorch_write.py --graphs FOLDER` holds PyTorch against them.

use std::error::Error;
use std::path::Path;

use convnet::io;
use convnet::reference::random::{random_graphs, random_input, random_state};
use convnet::reference::{self, Array};
use convnet::state::{StateDict, Tensor};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: random_code FOLDER COUNT".into());
    };
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    for (number, graph) in random_graphs(count.parse()?).enumerate() {
        let state = random_state(&graph, number as u64);
        let images = random_input(&graph, 2, number as u64);
        let outputs = reference::forward(&graph, &state, &images)?;
        let mut values = StateDict::new();
        values.insert("images".into(), tensor(&images));
        values.insert("output".into(), tensor(&outputs[graph.output().index()]));
        let file = |kind: &str| folder.join(format!("{number}{kind}"));
        io::save(&values, None, file(".values.safetensors"))?;
        io::save(&state, None, file(".weights.safetensors"))?;
        std::fs::write(file(".py"), convnet_pytorch::write(&graph)?)?;
    }
    Ok(())
}

fn tensor(array: &Array) -> Tensor {
    Tensor { shape: array.shape.clone(), data: array.data.iter().map(|&x| x as f32).collect() }
}
