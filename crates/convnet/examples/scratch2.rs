use convnet::exec::*;
use convnet::graph::*;
use convnet::ops::*;
use convnet::state::*;
use std::arch::x86_64::*;
use std::time::*;
#[target_feature(enable = "avx512f")]
fn fma512(n: usize) -> f32 {
    unsafe {
        let mut a = [_mm512_set1_ps(std::hint::black_box(1.0)); 24];
        let x = _mm512_set1_ps(std::hint::black_box(0.999));
        let y = _mm512_set1_ps(0.001);
        for _ in 0..n {
            for v in a.iter_mut() {
                *v = _mm512_fmadd_ps(*v, x, y);
            }
        }
        let mut s = a[0];
        for v in &a[1..] {
            s = _mm512_add_ps(s, *v);
        }
        _mm512_reduce_add_ps(s)
    }
}
fn peak() -> f64 {
    let mut best = 0f64;
    for _ in 0..5 {
        let n = std::hint::black_box(400_000usize);
        let t = Instant::now();
        let h: Vec<_> =
            (0..2).map(|_| std::thread::spawn(move || std::hint::black_box(unsafe { fma512(n) }))).collect();
        for h in h {
            h.join().unwrap();
        }
        let g = 2.0 * 400_000.0 * 24.0 * 32.0 / t.elapsed().as_secs_f64() / 1e9;
        best = best.max(g);
    }
    best
}
fn main() {
    println!("peak512 {:.0}", peak());
    for (c, h, o, k, s, p, train) in [
        (64, 56, 64, 3, 1, 1, false),
        (512, 7, 512, 3, 1, 1, false),
        (256, 56, 64, 1, 1, 0, false),
        (3, 224, 64, 7, 2, 3, false),
        (128, 28, 128, 3, 1, 1, false),
        (512, 14, 512, 3, 1, 1, false),
        (64, 224, 64, 3, 1, 1, false),
        (96, 26, 256, 5, 1, 2, false),
        (1024, 14, 256, 1, 1, 0, false),
        (2048, 7, 512, 1, 1, 0, false),
    ] {
        let net = Builder::image("c", c, h, h);
        let x = net.input().conv2d(Conv2d::new(o, k).stride(s).padding(p));
        let g = net.build(x).unwrap();
        let state: StateDict = g
            .parameters()
            .into_iter()
            .map(|s| {
                let n = s.elements();
                (
                    s.name.clone(),
                    Tensor {
                        shape: s.shape.clone(),
                        data: (0..n).map(|i| ((i * 7919 % 1000) as f32 / 500.0 - 1.0)).collect(),
                    },
                )
            })
            .collect();
        for isa in ["avx2", "avx512"] {
            for b in [1, 8] {
                let op = Options { threads: 2, isa: Isa::named(isa) };
                let mut e = Engine::compile(&g, &state, b, &op).unwrap();
                let img = vec![0.5f32; b * c * h * h];
                let mut best = f64::MAX;
                let t0 = Instant::now();
                let mut times = vec![Duration::ZERO; 2];
                while t0.elapsed().as_secs_f64() < 0.6 {
                    let mut tt = vec![Duration::ZERO; 2];
                    e.profile(&img, &mut tt);
                    best = best.min(tt[1].as_secs_f64());
                    times[0] += tt[0];
                }
                let macs = e.plan()[1].macs as f64 * b as f64;
                print!(
                    "{c}x{h} k{k}s{s} o{o} b{b} {isa}: {:.3} ms {:.0} GF | ",
                    best * 1e3,
                    2.0 * macs / best / 1e9
                );
            }
        }
        println!(" peak {:.0}", peak());
        let _ = train;
    }
}
