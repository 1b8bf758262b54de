// Maps over views: sums, activations, dropout, scales by channel.

#define COPY(N, T, W) \
    KERNEL(256, copy_##N, const T* x, int xs, T* y, int ys, u32 pixels, u32 channels, int add) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W]; \
            load<W>(at(x, p, xs, c), v); \
            put<W>(at(y, p, ys, c), v, add); \
        }); \
    }
FORMATS(COPY)

// Between formats; 8 elements at a time where all addresses allow it.
#define CONVERT(N, A, B, W) \
    KERNEL(256, convert_##N, const A* x, int xs, B* y, int ys, u32 pixels, u32 channels, int add) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W]; \
            load<W>(at(x, p, xs, c), v); \
            put<W>(at(y, p, ys, c), v, add); \
        }); \
    }
CONVERT(f32_bf16_wide, float, bf16, 8)
CONVERT(f32_bf16, float, bf16, 1)
CONVERT(bf16_f32_wide, bf16, float, 8)
CONVERT(bf16_f32, bf16, float, 1)

#define FILL(N, T, W) \
    KERNEL(256, fill_##N, T* y, int ys, u32 pixels, u32 channels, float value) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W]; \
            UNROLL for (int i = 0; i < W; i++) v[i] = value; \
            store<W>(at(y, p, ys, c), v); \
        }); \
    }
FORMATS(FILL)

// y += (x - y)·weight: a moving average.
#define LERP(N, T, W) \
    KERNEL(256, lerp_##N, const T* x, int xs, T* y, int ys, u32 pixels, u32 channels, const float* weight) { \
        float by = *weight; \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W], w[W]; \
            load<W>(at(x, p, xs, c), v); \
            load<W>(at(y, p, ys, c), w); \
            UNROLL for (int i = 0; i < W; i++) w[i] += (v[i] - w[i]) * by; \
            store<W>(at(y, p, ys, c), w); \
        }); \
    }
FORMATS(LERP)

// In this order a NaN stays one.
INLINE float relu(float x) { return x < 0.f ? 0.f : x; }

#define ADD(N, T, W) \
    KERNEL(256, add_##N, const T* a, int as, const T* b, int bs, T* y, int ys, u32 pixels, u32 channels, int positive) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W], w[W]; \
            load<W>(at(a, p, as, c), v); \
            load<W>(at(b, p, bs, c), w); \
            UNROLL for (int i = 0; i < W; i++) v[i] = positive ? relu(v[i] + w[i]) : v[i] + w[i]; \
            store<W>(at(y, p, ys, c), v); \
        }); \
    }
FORMATS(ADD)

// dy = 0 where y is not positive.
#define MASK(N, T, W) \
    KERNEL(256, relu_backward_##N, const T* y, int ys, T* dy, int ds, u32 pixels, u32 channels) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W], g[W]; \
            load<W>(at(y, p, ys, c), v); \
            load<W>(at(dy, p, ds, c), g); \
            UNROLL for (int i = 0; i < W; i++) g[i] = v[i] > 0.f ? g[i] : 0.f; \
            store<W>(at(dy, p, ds, c), g); \
        }); \
    }
FORMATS(MASK)

// 0 ReLU, 1 LeakyReLU (a: slope), 2 Hardtanh (a, b: bounds), 3 sigmoid, 4 hyperbolic tangent.
INLINE float activate(float x, int kind, float a, float b) {
    if (kind == 0) return relu(x);
    if (kind == 1) return x < 0.f ? a * x : x;
    if (kind == 2) { float low = x < a ? a : x; return low > b ? b : low; }
    if (kind == 3) return 1.f / (1.f + expf(-x));
    return tanhf(x);
}
INLINE float slope(float y, int kind, float a, float b) {
    if (kind == 0) return y > 0.f ? 1.f : 0.f;
    if (kind == 1) return y > 0.f ? 1.f : a;
    if (kind == 2) return y > a && y < b ? 1.f : 0.f;
    if (kind == 3) return y * (1.f - y);
    return 1.f - y * y;
}

#define ACTIVATION(N, T, W) \
    KERNEL(256, activation_##N, const T* x, int xs, T* y, int ys, u32 pixels, u32 channels, int kind, float a, float b) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W]; \
            load<W>(at(x, p, xs, c), v); \
            UNROLL for (int i = 0; i < W; i++) v[i] = activate(v[i], kind, a, b); \
            store<W>(at(y, p, ys, c), v); \
        }); \
    } \
    KERNEL(256, activation_backward_##N, const T* y, int ys, const T* dy, int ds, T* dx, int xs, u32 pixels, \
           u32 channels, int kind, float a, float b, int add) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W], g[W]; \
            load<W>(at(y, p, ys, c), v); \
            load<W>(at(dy, p, ds, c), g); \
            UNROLL for (int i = 0; i < W; i++) { \
                float s = slope(v[i], kind, a, b); \
                g[i] = s == 0.f ? 0.f : g[i] * s; \
            } \
            put<W>(at(dx, p, xs, c), g, add); \
        }); \
    }
FORMATS(ACTIVATION)

// What element `index` is multiplied with: the finalizer of MurmurHash3 (Appleby 2011), keyed.
INLINE float kept(u32 index, u32 key, u32 threshold, float scale) {
    u32 h = (index * 0x9E3779B9u) ^ key;
    h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13)) * 0xC2B2AE35u;
    h ^= h >> 16;
    return h < threshold ? 0.f : scale;
}

// The key of the layer: that of the run, which the clock has, mixed with the layer's own. Elements are counted from the clock's first
// image on.
#define DROPOUT(N, T, W) \
    KERNEL(256, dropout_##N, const T* x, int xs, T* y, int ys, u32 pixels, u32 channels, u32 width, const Clock* clock, \
           u64 layer, u32 threshold, float scale, u32 group, u32 image, int add) { \
        u64 key = mix(clock->key ^ layer), before = clock->first * image; \
        u32 folded = (u32)(((key ^ (key >> 32)) * 0x9E3779B97F4A7C15ull) >> 32); \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W]; \
            load<W>(at(x, p, xs, c), v); \
            size_t first = before + (size_t)p * width + c; \
            UNROLL for (int i = 0; i < W; i++) { \
                u32 index = group == 1 ? (u32)(first + i) : (u32)((first + i) / group); \
                v[i] *= kept(index, folded, threshold, scale); \
            } \
            put<W>(at(y, p, ys, c), v, add); \
        }); \
    }
FORMATS(DROPOUT)

// y = x·scale + shift (+ z, or + z·scale2 + shift2), with ReLU where wanted.
#define AFFINE(N, T, W) \
    KERNEL(256, affine_##N, const T* x, int xs, const float* scale, const float* shift, const T* z, int zs, \
           const float* scale2, const float* shift2, T* y, int ys, u32 pixels, u32 channels, int positive) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W], a[W], b[W]; \
            load<W>(at(x, p, xs, c), v); \
            load<W>(scale + c, a); \
            load<W>(shift + c, b); \
            UNROLL for (int i = 0; i < W; i++) v[i] = fmaf(v[i], a[i], b[i]); \
            if (z) { \
                float w[W]; \
                load<W>(at(z, p, zs, c), w); \
                if (scale2) { \
                    load<W>(scale2 + c, a); \
                    load<W>(shift2 + c, b); \
                    UNROLL for (int i = 0; i < W; i++) w[i] = fmaf(w[i], a[i], b[i]); \
                } \
                UNROLL for (int i = 0; i < W; i++) v[i] += w[i]; \
            } \
            if (positive) { UNROLL for (int i = 0; i < W; i++) v[i] = relu(v[i]); } \
            store<W>(at(y, p, ys, c), v); \
        }); \
    } \
    KERNEL(256, affine_backward_##N, const T* dy, int ds, const float* scale, T* dx, int xs, u32 pixels, u32 channels, \
           int add) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float g[W], a[W]; \
            load<W>(at(dy, p, ds, c), g); \
            load<W>(scale + c, a); \
            UNROLL for (int i = 0; i < W; i++) g[i] *= a[i]; \
            put<W>(at(dx, p, xs, c), g, add); \
        }); \
    }
FORMATS(AFFINE)

// y += bias by channel (+ z), with ReLU where wanted: what follows a product that could not do it itself.
#define BIAS(N, T, W) \
    KERNEL(256, bias_##N, T* y, int ys, const float* bias, const T* z, int zs, u32 pixels, u32 channels, int positive) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W], b[W]; \
            load<W>(at(y, p, ys, c), v); \
            if (bias) { \
                load<W>(bias + c, b); \
                UNROLL for (int i = 0; i < W; i++) v[i] += b[i]; \
            } \
            if (z) { \
                load<W>(at(z, p, zs, c), b); \
                UNROLL for (int i = 0; i < W; i++) v[i] += b[i]; \
            } \
            if (positive) { UNROLL for (int i = 0; i < W; i++) v[i] = relu(v[i]); } \
            store<W>(at(y, p, ys, c), v); \
        }); \
    }
FORMATS(BIAS)

// Numbers in [-1, 1) that depend on their index: data to time convolutions on.
#define NOISE(N, T) \
    KERNEL(256, noise_##N, T* y, u64 count) { \
        for (u64 i = blockIdx.x * 256ull + threadIdx.x; i < count; i += gridDim.x * 256ull) \
            down((float)(mix(i) >> 40) * (1.f / 8388608.f) - 1.f, y + i); \
    }
NOISE(f32, float)
NOISE(bf16, bf16)
