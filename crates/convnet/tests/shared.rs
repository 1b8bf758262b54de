//! One compiled VGG-16 under eight threads: the same bytes as alone, and its weights in memory once.

use std::collections::BTreeMap;

use convnet::exec::{Engine, Options};
use convnet::state::{ReadError, TensorSource};
use convnet::zoo;

/// Weights that are made as they are read, so that the memory measured is the engine's own.
struct Noise(BTreeMap<String, Vec<usize>>);

impl TensorSource for Noise {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.0.get(name).cloned()
    }

    fn read(&self, name: &str, first: usize, out: &mut [f32]) -> Result<(), ReadError> {
        // He's rule, so that activations neither die out nor overflow.
        let fan = self.0[name].iter().skip(1).product::<usize>().max(1) as f32;
        let value = |index: usize| (index as u32).wrapping_mul(0x9E37_79B9) as f32 / u32::MAX as f32 - 0.5;
        let scale = (24.0 / fan).sqrt();
        out.iter_mut().enumerate().for_each(|(i, x)| *x = scale * value(first + i));
        Ok(())
    }
}

/// Bytes of this process in memory, where the system tells it.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? * 1024)
}

#[test]
fn eight_threads_share_one_vgg16() {
    let graph =
        zoo::find("vgg16@torchvision").expect("a network of the zoo").model().build().expect("it fits");
    let weights = Noise(graph.parameters().into_iter().map(|spec| (spec.name, spec.shape)).collect());
    let engine = Engine::compile(&graph, &weights, 1, &Options::default()).expect("it compiles");
    let image = |seed: usize| -> Vec<f32> {
        let pixel = |i: usize| ((i * 31 + seed * 7919) % 509) as f32 / 254.0 - 1.0;
        (0..graph.input_shape().elements()).map(pixel).collect()
    };
    let images: Vec<Vec<f32>> = (0..4).map(image).collect();
    let alone: Vec<_> = images.iter().map(|image| engine.run(image).expect("one image")).collect();
    assert!(alone[0] != alone[1] && alone[0].as_slice().iter().all(|x| x.is_finite()));
    let before = resident();
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let (engine, images, alone) = (engine.clone(), &images, &alone);
            scope.spawn(move || {
                for round in 0..2 {
                    let i = (caller + round) % images.len();
                    assert!(engine.run(&images[i]).expect("one image") == alone[i], "caller {caller}");
                }
            });
        }
    });
    if let (Some(before), Some(after)) = (before, resident()) {
        let (activations, weights) = engine.memory();
        assert!(before >= weights, "{before} bytes in memory with {weights} of weights");
        let most = before + before * 3 / 10 + 8 * activations;
        assert!(
            after <= most,
            "{after} bytes in memory, {before} with one caller, {activations} for each more"
        );
    }
}
