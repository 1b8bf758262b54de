// Convolutions of few input channels and few weights, which fit shared memory: sums in single precision throughout.

#define THIN 3072

// The taps' rows and columns, and where a window starts.
struct Shape {
    int height, width, in, rows, columns, out, kernel_height, kernel_width, step_down, step_across, top, left;
};
#define SHAPE_ARGS int height, int width, int in, int rows, int columns, int out, int kernel_height, int kernel_width, \
        int step_down, int step_across, int top, int left
#define SHAPE {height, width, in, rows, columns, out, kernel_height, kernel_width, step_down, step_across, top, left}

// Weights (out, taps, in) to shared memory as (taps, in, out), each row of outputs filled up to a multiple of 8.
template <class T> INLINE void by_output(const T* w, float* shared, const Shape& s, int padded) {
    const int items = s.kernel_height * s.kernel_width * s.in;
    for (int i = threadIdx.x; i < items * padded; i += blockDim.x) {
        int k = i % padded, item = i / padded;
        shared[i] = k < s.out ? up(w[k * items + item]) : 0.f;
    }
}

// Eight output channels, from `first` on, of the pixel whose window starts at (h0, w0).
template <class T> INLINE void thin_sums(const T* map, int xs, const float* weights, const float* bias, const Shape& s, int padded,
                                         int first, int h0, int w0, float* sum) {
    UNROLL for (int k = 0; k < 8; k++) sum[k] = bias && first + k < s.out ? bias[first + k] : 0.f;
    for (int r = 0; r < s.kernel_height; r++) {
        const int h = h0 + r;
        if (h < 0 || h >= s.height) continue;
        for (int t = 0; t < s.kernel_width; t++) {
            const int v = w0 + t;
            if (v < 0 || v >= s.width) continue;
            const T* pixel = map + (size_t)(h * s.width + v) * xs;
            const float* row = weights + (r * s.kernel_width + t) * s.in * padded + first;
            _Pragma("unroll 6") for (int c = 0; c < s.in; c++, row += padded) {
                const float a = up(pixel[c]);
                float b[8];
                load<8>(row, b);
                UNROLL for (int k = 0; k < 8; k++) sum[k] = fmaf(a, b[k], sum[k]);
            }
        }
    }
}

// A thread has eight output channels of a pixel; threads side by side have pixels side by side.
#define THIN_FORWARD(N, T) \
    KERNEL(256, thin_forward_##N, const T* x, int xs, const T* w, const float* bias, T* y, int ys, u32 pixels, int positive, \
           SHAPE_ARGS) { \
        __shared__ __align__(16) float weights[4 * THIN]; \
        const Shape s = SHAPE; \
        const int padded = (out + 7) / 8 * 8, chunks = padded / 8; \
        by_output(w, weights, s, padded); \
        __syncthreads(); \
        for (u32 i = blockIdx.x * 256 + threadIdx.x; i < pixels * chunks; i += gridDim.x * 256) { \
            const u32 p = i % pixels, chunk = i / pixels; \
            const int q = p % columns, rest = p / columns, h0 = rest % rows * step_down - top, w0 = q * step_across - left; \
            float sum[8]; \
            thin_sums(x + (size_t)(rest / rows) * height * width * xs, xs, weights, bias, s, padded, chunk * 8, h0, w0, sum); \
            UNROLL for (int k = 0; k < 8; k++) { \
                if (positive) sum[k] = sum[k] < 0.f ? 0.f : sum[k]; \
                if (chunk * 8 + k < out) down(sum[k], at(y, p, ys, chunk * 8 + k)); \
            } \
        } \
    } \
    /* The maxima of windows of 2 x 2 of its pixels: a thread has eight output channels of one of the four, and codes tell, a \
       byte an element, which it was, the first of equals; 255 where ReLU lets no gradient pass. NaN is above all others. */ \
    KERNEL(256, thin_pooled_##N, const T* x, int xs, const T* w, const float* bias, T* y, int ys, u8* codes, u32 windows, \
           int positive, SHAPE_ARGS) { \
        __shared__ __align__(16) float weights[4 * THIN]; \
        const Shape s = SHAPE; \
        const int padded = (out + 7) / 8 * 8, chunks = padded / 8; \
        const u32 across = columns / 2, down_ = rows / 2, total = windows * chunks * 4; \
        by_output(w, weights, s, padded); \
        __syncthreads(); \
        for (u32 i = blockIdx.x * 256 + threadIdx.x; i < (total + 31) / 32 * 32; i += gridDim.x * 256) { \
            const u32 place = i % 4, q = i / 4 % windows, chunk = i / 4 / windows, rest = q / across; \
            const int row = rest % down_ * 2 + place / 2, column = q % across * 2 + place % 2; \
            float best[8]; \
            u32 from = place * 0x5555u; \
            if (i < total) \
                thin_sums(x + (size_t)(rest / down_) * height * width * xs, xs, weights, bias, s, padded, chunk * 8, \
                          row * step_down - top, column * step_across - left, best); \
            else { UNROLL for (int k = 0; k < 8; k++) best[k] = 0.f; } \
            UNROLL for (int lane = 1; lane < 4; lane *= 2) { \
                const u32 theirs = (u32)__shfl_xor_sync(0xffffffffu, (float)from, lane); \
                UNROLL for (int k = 0; k < 8; k++) { \
                    const float v = __shfl_xor_sync(0xffffffffu, best[k], lane); \
                    const u32 a = from >> (2 * k) & 3, b = theirs >> (2 * k) & 3; \
                    const bool greater = v > best[k] || (v == best[k] && b < a); \
                    const bool other = v != v ? best[k] == best[k] || b > a : best[k] == best[k] && greater; \
                    if (other) { best[k] = v; from = (from & ~(3u << (2 * k))) | b << (2 * k); } \
                } \
            } \
            UNROLL for (u32 k = 0; k < 8; k++) { \
                const u32 c = chunk * 8 + k; \
                if (k / 2 != place || i >= total || c >= out) continue; \
                const bool passes = !positive || best[k] > 0.f; \
                down(positive && best[k] < 0.f ? 0.f : best[k], at(y, q, ys, c)); \
                if (codes) codes[(size_t)q * out + c] = passes ? from >> (2 * k) & 3 : 255; \
            } \
        } \
    }
THIN_FORWARD(f32, float)
THIN_FORWARD(bf16, bf16)

// The gradient of W output channels, from `k` on, of a pixel; where there are codes it is of the maxima of windows of 2 x 2.
template <int W, class T> INLINE void thin_gradient(const T* dy, int ds, const u8* codes, int n, int row, int column,
                                                    const Shape& s, int k, float* v) {
    if (!codes) return load<W>(dy + (size_t)((n * s.rows + row) * s.columns + column) * ds + k, v);
    const int down_ = s.rows / 2, across = s.columns / 2;
    UNROLL for (int i = 0; i < W; i++) v[i] = 0.f;
    if (row / 2 >= down_ || column / 2 >= across) return;
    const size_t q = (size_t)(n * down_ + row / 2) * across + column / 2;
    const u32 place = row % 2 * 2 + column % 2;
    float g[W];
    load<W>(dy + q * ds + k, g);
    const u8* own = codes + q * s.out + k;
    UNROLL for (int i = 0; i < W; i++) if (own[i] == place) v[i] = g[i];
}

// A thread has four input channels of a pixel. Weights lie as (taps, out, in), filled up to a multiple of 4.
#define THIN_INPUT(N, T, W) \
    KERNEL(256, thin_input_gradient_##N, const T* dy, int ds, const u8* codes, const T* w, T* dx, int xs, u32 pixels, int add, \
           SHAPE_ARGS) { \
        __shared__ __align__(16) float weights[4 * THIN]; \
        const Shape s = SHAPE; \
        const int padded = (in + 3) / 4 * 4, chunks = padded / 4, taps = kernel_height * kernel_width; \
        for (int i = threadIdx.x; i < taps * out * padded; i += 256) { \
            int c = i % padded, k = i / padded % out, tap = i / padded / out; \
            weights[i] = c < in ? up(w[(k * taps + tap) * in + c]) : 0.f; \
        } \
        __syncthreads(); \
        for (u32 i = blockIdx.x * 256 + threadIdx.x; i < pixels * chunks; i += gridDim.x * 256) { \
            const u32 p = i % pixels, chunk = i / pixels; \
            const int v = p % width, rest = p / width, h = rest % height, n = rest / height; \
            float sum[4] = {0.f, 0.f, 0.f, 0.f}; \
            for (int r = 0; r < kernel_height; r++) { \
                const int y = h + top - r, row = y / step_down; \
                if (y < 0 || row * step_down != y || row >= rows) continue; \
                for (int t = 0; t < kernel_width; t++) { \
                    const int z = v + left - t, column = z / step_across; \
                    if (z < 0 || column * step_across != z || column >= columns) continue; \
                    const float* b = weights + (r * kernel_width + t) * out * padded + chunk * 4; \
                    _Pragma("unroll 4") for (int k = 0; k < out; k += W, b += W * padded) { \
                        float a[W]; \
                        thin_gradient<W>(dy, ds, codes, n, row, column, s, k, a); \
                        UNROLL for (int j = 0; j < W; j++) { \
                            float u[4]; \
                            load<4>(b + j * padded, u); \
                            UNROLL for (int c = 0; c < 4; c++) sum[c] = fmaf(a[j], u[c], sum[c]); \
                        } \
                    } \
                } \
            } \
            UNROLL for (int c = 0; c < 4; c++) \
                if (chunk * 4 + c < in) put<1>(at(dx, p, xs, chunk * 4 + c), sum + c, add); \
        } \
    }
FORMATS(THIN_INPUT)

// Partial sums of the weights' gradient, and of the bias's as of a tap that always reads 1: part (blocks, items, outputs
// filled up to a multiple of 8). A thread has an item (tap and channel) and eight outputs; where a block has more threads
// than those, groups of threads share its pixels. Its pixels come in tiles of 64.
#define TILE 64
#define OUTPUTS 64
#define THIN_WEIGHT(N, T) \
    KERNEL(256, thin_weight_gradient_##N, const T* x, int xs, const T* dy, int ds, const u8* codes, float* part, u32 pixels, \
           SHAPE_ARGS) { \
        __shared__ __align__(16) float g[TILE * OUTPUTS]; \
        __shared__ int starts[TILE * 5]; \
        __shared__ float reduced[256 * 8]; \
        const int padded = (out + 7) / 8 * 8, chunks = padded / 8, taps = kernel_height * kernel_width * in; \
        const int items = (taps + 1) * chunks, mine = min(items - (int)blockIdx.y * 256, 256); \
        const int groups = 256 / mine, group = threadIdx.x / mine, item = blockIdx.y * 256 + threadIdx.x % mine; \
        const int chunk = item % chunks, tap = item / chunks, c = tap % in; \
        const int t = tap / in % kernel_width, r = tap / in / kernel_width, shift = r * width + t; \
        float sum[8]; \
        UNROLL for (int k = 0; k < 8; k++) sum[k] = 0.f; \
        const u32 share = (pixels + gridDim.x - 1) / gridDim.x, first = blockIdx.x * share; \
        const u32 end = first + share < pixels ? first + share : pixels; \
        for (u32 p0 = first; p0 < end; p0 += TILE) { \
            const int count = end - p0 < TILE ? end - p0 : TILE; \
            __syncthreads(); \
            if (threadIdx.x < count) { \
                const u32 p = p0 + threadIdx.x, rest = p / columns, row = rest % rows, column = p % columns, n = rest / rows; \
                int* own = starts + 5 * threadIdx.x; \
                own[1] = (int)row * step_down - top; \
                own[2] = (int)column * step_across - left; \
                own[0] = ((int)n * height + own[1]) * width + own[2]; \
                const int down_ = rows / 2, across = columns / 2; \
                const bool within = (int)row / 2 < down_ && (int)column / 2 < across; \
                own[3] = !codes ? p : within ? (n * down_ + row / 2) * across + column / 2 : -1; \
                own[4] = row % 2 * 2 + column % 2; \
            } \
            __syncthreads(); \
            for (int i = threadIdx.x; i < count * padded; i += 256) { \
                const int k = i % padded, *own = starts + 5 * (i / padded) + 3, q = own[0]; \
                const bool passes = k < out && q >= 0 && (!codes || codes[(size_t)q * out + k] == own[1]); \
                g[i] = passes ? up(*at(dy, q, ds, k)) : 0.f; \
            } \
            __syncthreads(); \
            if (group < groups) \
                _Pragma("unroll 4") for (int p = group; p < count; p += groups) { \
                    float a = 1.f, b[8]; \
                    if (tap < taps) { \
                        const int h = starts[5 * p + 1] + r, v = starts[5 * p + 2] + t; \
                        const bool inside = h >= 0 && h < height && v >= 0 && v < width; \
                        a = inside ? up(x[(size_t)(starts[5 * p] + shift) * xs + c]) : 0.f; \
                    } \
                    load<8>(g + p * padded + chunk * 8, b); \
                    UNROLL for (int k = 0; k < 8; k++) sum[k] = fmaf(a, b[k], sum[k]); \
                } \
        } \
        UNROLL for (int k = 0; k < 8; k++) reduced[k * 256 + threadIdx.x] = sum[k]; \
        __syncthreads(); \
        if (group == 0) { \
            float* target = part + (size_t)blockIdx.x * items * 8 + tap * padded + chunk * 8; \
            UNROLL for (int k = 0; k < 8; k++) { \
                float total = 0.f; \
                for (int j = 0; j < groups; j++) total += reduced[k * 256 + threadIdx.x + j * mine]; \
                target[k] = total; \
            } \
        } \
    }
THIN_WEIGHT(f32, float)
THIN_WEIGHT(bf16, bf16)

// The sums of the blocks, in their order: weights (out, taps) and bias. A block has 32 of the numbers, eight threads each.
#define THIN_GATHER(N, T) \
    KERNEL(256, thin_gather_##N, const float* part, int blocks, int taps, int out, T* w, float* bias) { \
        __shared__ float sums[256]; \
        const int padded = (out + 7) / 8 * 8, count = (taps + 1) * padded; \
        const int i = blockIdx.x * 32 + threadIdx.x % 32, group = threadIdx.x / 32; \
        float sum = 0.f; \
        if (i < count) { \
            _Pragma("unroll 8") for (int b = group; b < blocks; b += 8) sum += part[(size_t)b * count + i]; \
        } \
        sums[threadIdx.x] = sum; \
        __syncthreads(); \
        if (group == 0 && i < count) { \
            for (int j = 1; j < 8; j++) sum += sums[threadIdx.x + 32 * j]; \
            const int k = i % padded, tap = i / padded; \
            if (k < out) { \
                if (tap < taps) down(sum, w + k * taps + tap); \
                else if (bias) bias[k] = sum; \
            } \
        } \
    }
THIN_GATHER(f32, float)
THIN_GATHER(bf16, bf16)
