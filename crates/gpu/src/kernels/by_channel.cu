// Layers with a number for each channel: normalization of each image over its pixels and groups of channels, factors.

// Element i of group `group` of an image whose first pixel is `first`: its pixel and its channel.
struct Place {
    u32 pixel, channel;
};
INLINE Place place_of(u32 i, u32 first, u32 group, u32 pixels, u32 width) {
    u32 p = pixels == 1 ? 0 : i / width;
    Place place = {first + p, group * width + i - p * width};
    return place;
}

// A block a group of an image of so many pixels. `stats` takes its mean and 1/sqrt(var + eps), where it is given.
#define GROUP_NORM(N, T) \
    KERNEL(128, group_norm_##N, const T* x, int xs, T* y, int ys, u32 images, u32 pixels, u32 groups, u32 width, \
           const float* weight, const float* bias, float eps, float* stats) { \
        __shared__ float shared[4]; \
        u32 count = pixels * width; \
        for (u32 q = blockIdx.x; q < images * groups; q += gridDim.x) { \
            u32 first = q / groups * pixels, group = q % groups; \
            float sum = 0.f, square = 0.f; \
            for (u32 i = threadIdx.x; i < count; i += 128) { \
                Place place = place_of(i, first, group, pixels, width); \
                sum += up(*at(x, place.pixel, xs, place.channel)); \
            } \
            float mean = sum_block(sum, shared) / count; \
            for (u32 i = threadIdx.x; i < count; i += 128) { \
                Place place = place_of(i, first, group, pixels, width); \
                float d = up(*at(x, place.pixel, xs, place.channel)) - mean; \
                square += d * d; \
            } \
            float inverse = 1.f / sqrtf(sum_block(square, shared) / count + eps); \
            for (u32 i = threadIdx.x; i < count; i += 128) { \
                Place place = place_of(i, first, group, pixels, width); \
                float n = (up(*at(x, place.pixel, xs, place.channel)) - mean) * inverse; \
                down(fmaf(n, weight[place.channel], bias[place.channel]), at(y, place.pixel, ys, place.channel)); \
            } \
            if (stats && threadIdx.x == 0) { \
                stats[2 * q] = mean; \
                stats[2 * q + 1] = inverse; \
            } \
        } \
    } \
    /* dx (+)= inverse·(g - mean(g) - n·mean(g·n)), g the gradient times the weight, n the normalized element. */ \
    KERNEL(128, group_norm_backward_##N, const T* x, int xs, const T* dy, int gs, T* dx, int ds, u32 images, u32 pixels, \
           u32 groups, u32 width, const float* weight, const float* stats, int add) { \
        __shared__ float shared[4]; \
        u32 count = pixels * width; \
        for (u32 q = blockIdx.x; q < images * groups; q += gridDim.x) { \
            u32 first = q / groups * pixels, group = q % groups; \
            float mean = stats[2 * q], inverse = stats[2 * q + 1], sum = 0.f, product = 0.f; \
            for (u32 i = threadIdx.x; i < count; i += 128) { \
                Place place = place_of(i, first, group, pixels, width); \
                float g = up(*at(dy, place.pixel, gs, place.channel)) * weight[place.channel]; \
                sum += g; \
                product += g * ((up(*at(x, place.pixel, xs, place.channel)) - mean) * inverse); \
            } \
            sum = sum_block(sum, shared) / count; \
            product = sum_block(product, shared) / count; \
            for (u32 i = threadIdx.x; i < count; i += 128) { \
                Place place = place_of(i, first, group, pixels, width); \
                float n = (up(*at(x, place.pixel, xs, place.channel)) - mean) * inverse; \
                float g = up(*at(dy, place.pixel, gs, place.channel)) * weight[place.channel]; \
                float d[1] = {inverse * (g - sum - n * product)}; \
                put<1>(at(dx, place.pixel, ds, place.channel), d, add); \
            } \
        } \
    }
GROUP_NORM(f32, float)
GROUP_NORM(bf16, bf16)

// The gradients of its weight and bias, of the channels from `begin` on.
#define GROUP_NORM_SUMS(N, T, W) \
    KERNEL(REDUCE, group_norm_sums_##N, const T* x, int xs, const T* dy, int gs, u32 total, u32 channels, float* part, \
           u32* counters, u32 begin, u32 pixels, u32 groups, u32 width, const float* stats, float* weight_gradient, \
           float* bias_gradient) { \
        columns<W, 2>(total, channels, part, counters, \
            [&](u32 p, u32 c, float (*s)[W]) { \
                float v[W], g[W]; \
                load<W>(at(x, p, xs, c), v); \
                load<W>(at(dy, p, gs, c), g); \
                u32 first = (pixels == 1 ? p : p / pixels) * groups; \
                UNROLL for (int i = 0; i < W; i++) { \
                    u32 q = first + (groups == 1 ? 0 : (begin + c + i) / width); \
                    s[0][i] += g[i]; \
                    s[1][i] += g[i] * ((v[i] - stats[2 * q]) * stats[2 * q + 1]); \
                } \
            }, \
            [&](u32 c, double* sums) { \
                bias_gradient[c] = (float)sums[0]; \
                weight_gradient[c] = (float)sums[1]; \
            }); \
    }
FOURS(GROUP_NORM_SUMS)

// x times its channel's factor, or the only one; of PReLU (`below` 0 alone) where it is not positive.
INLINE float factor(const float* factors, u32 c, int shared, float x, int below) {
    return below && x > 0.f ? 1.f : factors[shared ? 0 : c];
}

#define FACTORS(N, T, W) \
    KERNEL(256, factors_##N, const T* x, int xs, const T* dy, int gs, T* y, int ys, u32 pixels, u32 channels, const float* factors, \
           int shared, int below, int add) { \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            float v[W], g[W]; \
            load<W>(at(x, p, xs, c), v); \
            load<W>(at(dy, p, gs, c), g); \
            UNROLL for (int i = 0; i < W; i++) g[i] *= factor(factors, c + i, shared, v[i], below); \
            put<W>(at(y, p, ys, c), g, add); \
        }); \
    } \
    KERNEL(REDUCE, factor_sums_##N, const T* x, int xs, const T* dy, int gs, u32 pixels, u32 channels, float* part, u32* counters, \
           int below, float* out) { \
        columns<W, 1>(pixels, channels, part, counters, \
            [&](u32 p, u32 c, float (*s)[W]) { \
                float v[W], g[W]; \
                load<W>(at(x, p, xs, c), v); \
                load<W>(at(dy, p, gs, c), g); \
                UNROLL for (int i = 0; i < W; i++) s[0][i] += below && v[i] > 0.f ? 0.f : g[i] * v[i]; \
            }, \
            [&](u32 c, double* sums) { out[c] = (float)sums[0]; }); \
    }
FOURS(FACTORS)
