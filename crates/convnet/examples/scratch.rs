use convnet::exec::*;
use convnet::graph::*;
use convnet::ops::*;
use convnet::state::*;
use std::time::*;
fn lenet() -> Graph {
    let net = Builder::image("lenet", 1, 32, 32);
    let x = net.input().sequential("conv", |x| {
        x.conv2d(Conv2d::new(6, 5))
            .max_pool2d(MaxPool2d::new(2))
            .conv2d(Conv2d::new(16, 5))
            .max_pool2d(MaxPool2d::new(2))
    });
    let x = x.sequential("linear", |x| {
        x.flatten()
            .linear(Linear::new(120))
            .relu()
            .linear(Linear::new(84))
            .relu()
            .linear(Linear::new(10))
            .softmax()
    });
    net.build(x).unwrap()
}
fn main() {
    let g = lenet();
    let state: StateDict = g
        .parameters()
        .into_iter()
        .map(|s| {
            let n = s.elements();
            let f = s.shape.iter().skip(1).product::<usize>().max(1) as f32;
            (
                s.name.clone(),
                Tensor {
                    shape: s.shape.clone(),
                    data: (0..n).map(|i| ((i * 7919 % 1000) as f32 / 500.0 - 1.0) / f.sqrt()).collect(),
                },
            )
        })
        .collect();
    for isa in [Isa::named("avx2").unwrap(), Isa::best()] {
        for threads in [1, 2] {
            for batch in [64, 256] {
                let o = Options { threads, isa: Some(isa) };
                let mut l = Learner::compile(
                    &g,
                    &state,
                    batch,
                    Optimizer::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.0 },
                    1,
                    &o,
                )
                .unwrap();
                let img: Vec<f32> = (0..batch * 1024).map(|i| ((i * 31 % 255) as f32) / 255.0).collect();
                let lab: Vec<u32> = (0..batch as u32).map(|i| i % 10).collect();
                for _ in 0..20 {
                    l.step(&img, &lab, 0.001);
                }
                let mut best = f64::MAX;
                for _ in 0..200 {
                    let t = Instant::now();
                    l.step(&img, &lab, 0.001);
                    best = best.min(t.elapsed().as_secs_f64());
                }
                println!("{isa} t{threads} b{batch}: {:.3} ms  {:.0} img/s", best * 1e3, batch as f64 / best);
                if threads == 2 && batch == 256 {
                    let mut t = StepTimes::default();
                    for _ in 0..200 {
                        l.profile(&img, &lab, 0.001, &mut t);
                    }
                    for (i, p) in l.plan().iter().enumerate() {
                        println!(
                            "   {:60} fwd {:8.1} us bwd {:8.1} us",
                            p.to_string(),
                            t.forward[i].as_secs_f64() * 5e3,
                            t.backward[i].as_secs_f64() * 5e3
                        )
                    }
                    println!("   update {:.1}", t.update.as_secs_f64() * 5e3);
                }
            }
        }
    }
    for threads in [1, 2] {
        let o = Options { threads, isa: None };
        let mut e = Engine::compile(&g, &state, 8, &o).unwrap();
        for n in [1, 8] {
            let img = vec![0.5f32; n * 1024];
            let mut best = f64::MAX;
            for _ in 0..3000 {
                let t = Instant::now();
                e.logits(&img);
                best = best.min(t.elapsed().as_secs_f64());
            }
            println!("infer t{threads} n{n} {:.1} us", best * 1e6);
        }
    }
}
