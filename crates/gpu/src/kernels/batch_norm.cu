// Batch normalization by the batch's own statistics, and sums by channel.

// By channel: the scale and shift that normalization with these statistics amounts to, and the running statistics.
struct Norm {
    const float *weight, *bias;
    float *mean, *variance, *inverse, *scale, *shift, *running_mean, *running_variance;
    float eps, momentum;
};
INLINE void normalization(const Norm& n, u32 c, float mean, float variance, u32 pixels) {
    double factor = 1.0 / sqrt((double)variance + (double)n.eps);
    double weight = (double)n.weight[c];
    n.inverse[c] = (float)factor;
    n.scale[c] = (float)(weight * factor);
    n.shift[c] = (float)((double)n.bias[c] - (double)mean * factor * weight);
    if (n.running_mean) {
        float unbiased = pixels > 1 ? (float)((double)variance * pixels / (pixels - 1.0)) : variance;
        n.running_mean[c] = (1.f - n.momentum) * n.running_mean[c] + n.momentum * mean;
        n.running_variance[c] = (1.f - n.momentum) * n.running_variance[c] + n.momentum * unbiased;
    }
}
#define NORM_ARGS const float *weight, const float *bias, float *mean, float *variance, float *inverse, float *scale, \
        float *shift, float *running_mean, float *running_variance, float eps, float momentum
#define NORM {weight, bias, mean, variance, inverse, scale, shift, running_mean, running_variance, eps, momentum}

// Mean and biased variance by sums of differences from the first pixel; with a weight, the normalization too.
#define MOMENTS(N, T, W) \
    KERNEL(REDUCE, moments_##N, const T* x, int xs, u32 pixels, u32 channels, float* part, u32* counters, NORM_ARGS) { \
        Norm norm = NORM; \
        float pivot[W]; \
        { \
            const int tx = lanes<W>(channels / W); \
            const u32 c = (blockIdx.y * tx + threadIdx.x % tx) * W; \
            if (c < channels) load<W>(x + c, pivot); \
        } \
        columns<W, 2>(pixels, channels, part, counters, \
            [&](u32 p, u32 c, float (*s)[W]) { \
                float v[W]; \
                load<W>(at(x, p, xs, c), v); \
                UNROLL for (int i = 0; i < W; i++) { \
                    float d = v[i] - pivot[i]; \
                    s[0][i] += d; \
                    s[1][i] += d * d; \
                } \
            }, \
            [&](u32 c, double* sums) { \
                double shift = sums[0] / pixels, square = sums[1] / pixels - shift * shift; \
                float m = (float)((double)up(x[c]) + shift), v = square > 0 ? (float)square : 0.f; \
                norm.mean[c] = m; \
                norm.variance[c] = v; \
                if (norm.weight) normalization(norm, c, m, v, pixels); \
            }); \
    }
FORMATS(MOMENTS)

KERNEL(256, normalization_f32, u32 pixels, u32 channels, NORM_ARGS) {
    Norm norm = NORM;
    u32 c = blockIdx.x * 256 + threadIdx.x;
    if (c < channels) normalization(norm, c, mean[c], variance[c], pixels);
}

// The gradient's sums. It is dy (+ dz), masked where ReLU gave nothing: mask 1 by scale and shift, 2 by the output y; the
// masked gradient is written where `masked` is given. coefficients: dx = a·g + b·x + d, by channel.
#define GRADIENTS(N, T, W) \
    KERNEL(REDUCE, norm_sums_##N, const T* x, int xs, const T* dy, int ds, const T* dz, int zs, const T* y, int ys, T* masked, \
           int ms, u32 pixels, u32 channels, int mask, float* part, u32* counters, const float* weight, const float* mean, \
           const float* inverse, const float* scale, const float* shift, float* weight_gradient, float* bias_gradient, \
           float* coefficients) { \
        float m[W], a[W], b[W]; \
        { \
            const int tx = lanes<W>(channels / W); \
            const u32 c = (blockIdx.y * tx + threadIdx.x % tx) * W; \
            if (c < channels) { \
                load<W>(mean + c, m); \
                load<W>(scale + c, a); \
                load<W>(shift + c, b); \
            } \
        } \
        columns<W, 2>(pixels, channels, part, counters, \
            [&](u32 p, u32 c, float (*s)[W]) { \
                float v[W], g[W], w[W]; \
                load<W>(at(x, p, xs, c), v); \
                load<W>(at(dy, p, ds, c), g); \
                if (dz) { \
                    load<W>(at(dz, p, zs, c), w); \
                    UNROLL for (int i = 0; i < W; i++) g[i] += w[i]; \
                } \
                if (mask == 1) { UNROLL for (int i = 0; i < W; i++) g[i] = fmaf(v[i], a[i], b[i]) > 0.f ? g[i] : 0.f; } \
                if (mask == 2) { \
                    load<W>(at(y, p, ys, c), w); \
                    UNROLL for (int i = 0; i < W; i++) g[i] = w[i] > 0.f ? g[i] : 0.f; \
                } \
                UNROLL for (int i = 0; i < W; i++) { \
                    s[0][i] += g[i]; \
                    s[1][i] += g[i] * (v[i] - m[i]); \
                } \
                if (masked) store<W>(at(masked, p, ms, c), g); \
            }, \
            [&](u32 c, double* sums) { \
                double factor = inverse[c], product = sums[1] * factor, size = (double)weight[c] * factor; \
                double slope = -size * factor * product / pixels; \
                bias_gradient[c] = (float)sums[0]; \
                weight_gradient[c] = (float)product; \
                coefficients[c] = (float)size; \
                coefficients[channels + c] = (float)slope; \
                coefficients[2 * channels + c] = (float)(-size * sums[0] / pixels - slope * (double)mean[c]); \
            }); \
    }
FOURS(GRADIENTS)

#define BACKWARD(N, T, W) \
    KERNEL(256, norm_backward_##N, const T* x, int xs, const T* dy, int ds, T* dx, int os, u32 pixels, u32 channels, int mask, \
           const float* scale, const float* shift, const float* coefficients, int add) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W], g[W], a[W], b[W]; \
            load<W>(at(x, p, xs, c), v); \
            load<W>(at(dy, p, ds, c), g); \
            if (mask) { \
                load<W>(scale + c, a); \
                load<W>(shift + c, b); \
                UNROLL for (int i = 0; i < W; i++) g[i] = fmaf(v[i], a[i], b[i]) > 0.f ? g[i] : 0.f; \
            } \
            load<W>(coefficients + c, a); \
            load<W>(coefficients + channels + c, b); \
            UNROLL for (int i = 0; i < W; i++) g[i] = fmaf(a[i], g[i], b[i] * v[i]); \
            load<W>(coefficients + 2 * channels + c, a); \
            UNROLL for (int i = 0; i < W; i++) g[i] += a[i]; \
            put<W>(at(dx, p, os, c), g, add); \
        }); \
    }
FORMATS(BACKWARD)

// out = the sum of each channel.
#define SUMS(N, T, W) \
    KERNEL(REDUCE, column_sums_##N, const T* x, int xs, u32 pixels, u32 channels, float* part, u32* counters, float* out) { \
        columns<W, 1>(pixels, channels, part, counters, \
            [&](u32 p, u32 c, float (*s)[W]) { \
                float v[W]; \
                load<W>(at(x, p, xs, c), v); \
                UNROLL for (int i = 0; i < W; i++) s[0][i] += v[i]; \
            }, \
            [&](u32 c, double* sums) { out[c] = (float)sums[0]; }); \
    }
FORMATS(SUMS)
