//! Products of the pixels of two maps in the same column.

use convnet_kernels::{Maps, SideBackward, pixel_products, pixel_products_backward};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, read};

const TOLERANCE: f64 = 3e-6;

#[test]
fn products_and_their_gradients() {
    let machine = Machine::new(60);
    let mut random = Random::new(31);
    for seed in 0..80 {
        let [images, rows, others, columns] = [
            random.pick(&[1, 2, 3]),
            random.pick(&[1, 2, 7]),
            random.pick(&CHANNELS),
            random.pick(&[1, 3, 5]),
        ];
        let channels = random.pick(&[1, 3, 7, 16, 17, 40]);
        let add = random.chance();
        let mut scene = Scene::new(700 + seed);
        let mut maps = |height: usize, channels: usize| Maps {
            view: scene.filled(images * height * columns, channels),
            height,
            width: columns,
        };
        let (a, b) = (maps(rows, channels), maps(others, channels));
        let [out, dy] = [(); 2].map(|()| maps(rows, others));
        let gradients = [maps(rows, channels).view, maps(others, channels).view];
        let [x, w, g] = [a.view, b.view, dy.view].map(|view| scene.read(view));
        let mut values = vec![0.0; g.len()];
        let mut sums =
            gradients.map(|view| if add { scene.read(view) } else { vec![0.0; view.pixels * view.channels] });
        for image in 0..images {
            for m in 0..rows {
                for n in 0..others {
                    for column in 0..columns {
                        let of_a = ((image * rows + m) * columns + column) * channels;
                        let of_b = ((image * others + n) * columns + column) * channels;
                        let at = ((image * rows + m) * columns + column) * others + n;
                        for k in 0..channels {
                            values[at] += x[of_a + k] * w[of_b + k];
                            sums[0][of_a + k] += g[at] * w[of_b + k];
                            sums[1][of_b + k] += g[at] * x[of_a + k];
                        }
                    }
                }
            }
        }
        let kernels = |pool: &_, isa, arena: &mut _| {
            pixel_products(pool, isa, arena, [a, b, out]);
            for (side, gradient) in gradients.into_iter().enumerate() {
                let (inputs, output_gradient) = ([a, b], dy);
                let call = SideBackward { inputs, output_gradient, side, gradient, accumulate: add };
                pixel_products_backward(pool, isa, arena, &call);
            }
            Vec::new()
        };
        machine.run(&scene, &[out.view, gradients[0], gradients[1]], kernels, |arena, _, isa| {
            let what = format_args!("{isa} {channels} channels, {rows} by {others} rows");
            assert_close(&read(arena, out.view), &values, TOLERANCE, what);
            for (gradient, sums) in gradients.iter().zip(&sums) {
                assert_close(&read(arena, *gradient), sums, TOLERANCE, what);
            }
        });
    }
}
