//! The products of a convolution.

use convnet_gpu::Conv;

/// Calls f with the indices of output, input and weight of every product.
pub fn each_product(conv: &Conv, f: &mut dyn FnMut(usize, usize, usize)) {
    let (height, width) = conv.output();
    let (inner, outer) = (conv.channels.0 / conv.groups, conv.channels.1 / conv.groups);
    for n in 0..conv.batch {
        for y in 0..height {
            for x in 0..width {
                for r in 0..conv.kernel.0 {
                    for s in 0..conv.kernel.1 {
                        let h = (y * conv.stride.0 + r * conv.dilation.0).checked_sub(conv.padding.0);
                        let w = (x * conv.stride.1 + s * conv.dilation.1).checked_sub(conv.padding.1);
                        let (Some(h), Some(w)) = (h, w) else { continue };
                        if h >= conv.input.0 || w >= conv.input.1 {
                            continue;
                        }
                        let (out, input) =
                            ((n * height + y) * width + x, (n * conv.input.0 + h) * conv.input.1 + w);
                        for k in 0..conv.channels.1 {
                            for c in 0..inner {
                                let weight = ((k * conv.kernel.0 + r) * conv.kernel.1 + s) * inner + c;
                                f(
                                    out * conv.channels.1 + k,
                                    input * conv.channels.0 + k / outer * inner + c,
                                    weight,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}
