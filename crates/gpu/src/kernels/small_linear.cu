// Linear layers of few rows and few weights, whose products take less time than a library's launches: sums in single precision
// throughout. Weights are (out, in). Where `y` is given, gradients pass where it is above zero alone.

#define SIDE 4

// A warp has SIDE rows by SIDE outputs, its lanes every so many-th input.
#define SMALL_LINEAR(N, T) \
    KERNEL(256, small_linear_##N, const T* x, int xs, const T* w, const float* bias, T* y, int ys, u32 rows, u32 in, u32 out, \
           int positive) { \
        const u32 lane = threadIdx.x % 32, tiles = (out + SIDE - 1) / SIDE, tile = blockIdx.x * 8 + threadIdx.x / 32; \
        const u32 r0 = tile / tiles * SIDE, o0 = tile % tiles * SIDE; \
        if (r0 >= rows) return; \
        float sum[SIDE * SIDE]; \
        UNROLL for (int i = 0; i < SIDE * SIDE; i++) sum[i] = 0.f; \
        _Pragma("unroll 4") for (u32 k = lane; k < in; k += 32) { \
            float a[SIDE], b[SIDE]; \
            UNROLL for (u32 i = 0; i < SIDE; i++) { \
                a[i] = r0 + i < rows ? up(*at(x, r0 + i, xs, k)) : 0.f; \
                b[i] = o0 + i < out ? up(w[(size_t)(o0 + i) * in + k]) : 0.f; \
            } \
            UNROLL for (int i = 0; i < SIDE; i++) \
                UNROLL for (int j = 0; j < SIDE; j++) sum[i * SIDE + j] = fmaf(a[i], b[j], sum[i * SIDE + j]); \
        } \
        /* Each time a lane gives half of its sums away and adds to the other half: at last each pair of lanes has one. */ \
        UNROLL for (int half = 8; half > 0; half /= 2) { \
            const bool upper = lane & (2 * half); \
            UNROLL for (int k = 0; k < half; k++) { \
                const float give = upper ? sum[k] : sum[k + half], mine = upper ? sum[k + half] : sum[k]; \
                sum[k] = mine + __shfl_xor_sync(0xffffffffu, give, 2 * half); \
            } \
        } \
        float total = sum[0] + __shfl_xor_sync(0xffffffffu, sum[0], 1); \
        const u32 r = r0 + lane / 2 / SIDE, o = o0 + lane / 2 % SIDE; \
        if (lane % 2 == 0 && r < rows && o < out) { \
            if (bias) total += bias[o]; \
            down(positive && total < 0.f ? 0.f : total, at(y, r, ys, o)); \
        } \
    }
SMALL_LINEAR(f32, float)
SMALL_LINEAR(bf16, bf16)

#define OUTPUTS 512
#define ROWS 256

// A gradient as it passes a ReLU whose output is y.
template <class T> INLINE float passed(const T* dy, int ds, const T* y, int ys, u32 row, u32 o) {
    float g = up(*at(dy, row, ds, o));
    return y && !(up(*at(y, row, ys, o)) > 0.f) ? 0.f : g;
}

// A thread has SIDE rows of an input.
#define SMALL_INPUT(N, T) \
    KERNEL(128, small_linear_input_gradient_##N, const T* dy, int ds, const T* y, int ys, const T* w, T* dx, int xs, u32 rows, \
           u32 in, u32 out, int add) { \
        __shared__ float g[SIDE * OUTPUTS]; \
        const u32 r0 = blockIdx.y * SIDE, k = blockIdx.x * 128 + threadIdx.x; \
        for (u32 i = threadIdx.x; i < SIDE * out; i += 128) { \
            const u32 r = r0 + i / out, o = i % out; \
            g[i] = r < rows ? passed(dy, ds, y, ys, r, o) : 0.f; \
        } \
        __syncthreads(); \
        if (k >= in) return; \
        float sum[SIDE]; \
        UNROLL for (int i = 0; i < SIDE; i++) sum[i] = 0.f; \
        _Pragma("unroll 8") for (u32 o = 0; o < out; o++) { \
            const float b = up(w[(size_t)o * in + k]); \
            UNROLL for (int i = 0; i < SIDE; i++) sum[i] = fmaf(g[i * out + o], b, sum[i]); \
        } \
        UNROLL for (u32 i = 0; i < SIDE; i++) \
            if (r0 + i < rows) put<1>(at(dx, r0 + i, xs, k), sum + i, add); \
    }
SMALL_INPUT(f32, float)
SMALL_INPUT(bf16, bf16)

// A thread has SIDE outputs of an input; a warp of the first blocks a bias.
#define SMALL_WEIGHT(N, T) \
    KERNEL(128, small_linear_weight_gradient_##N, const T* x, int xs, const T* dy, int ds, const T* y, int ys, float* dw, \
           float* db, u32 rows, u32 in, u32 out) { \
        __shared__ float g[SIDE * ROWS]; \
        const u32 o0 = blockIdx.y * SIDE, k = blockIdx.x * 128 + threadIdx.x; \
        for (u32 i = threadIdx.x; i < SIDE * rows; i += 128) { \
            const u32 o = o0 + i % SIDE, r = i / SIDE; \
            g[i % SIDE * rows + r] = o < out ? passed(dy, ds, y, ys, r, o) : 0.f; \
        } \
        __syncthreads(); \
        if (db && blockIdx.x == 0) { \
            const u32 o = threadIdx.x / 32, lane = threadIdx.x % 32; \
            float sum = 0.f; \
            for (u32 r = lane; r < rows; r += 32) sum += g[o * rows + r]; \
            UNROLL for (int s = 16; s > 0; s /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, s); \
            if (lane == 0 && o0 + o < out) db[o0 + o] = sum; \
        } \
        if (!dw || k >= in) return; \
        float sum[SIDE]; \
        UNROLL for (int i = 0; i < SIDE; i++) sum[i] = 0.f; \
        _Pragma("unroll 8") for (u32 r = 0; r < rows; r++) { \
            const float a = up(*at(x, r, xs, k)); \
            UNROLL for (int i = 0; i < SIDE; i++) sum[i] = fmaf(a, g[i * rows + r], sum[i]); \
        } \
        UNROLL for (u32 i = 0; i < SIDE; i++) \
            if (o0 + i < out) dw[(size_t)(o0 + i) * in + k] = sum[i]; \
    }
SMALL_WEIGHT(f32, float)
SMALL_WEIGHT(bf16, bf16)
