// Functions of two maps element by element, of which each may have one row, one column or one channel for all.

// A map of an image: rows, columns, channels.
struct Size {
    u32 height, width, channels;
};

// The pixel that goes with one of a larger map.
INLINE u32 pixel_of(Size own, u32 image, u32 y, u32 x) {
    return (image * own.height + (own.height == 1 ? 0 : y)) * own.width + (own.width == 1 ? 0 : x);
}

// 0 a + b, 1 a - b, 2 a·b, 3 a / b, 4 the larger one, 5 the smaller one, 6 a^b, 7 a < b, 8 a <= b, 9 a = b, 10 a where b is not 0.
INLINE float combine(float a, float b, int kind) {
    switch (kind) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return a / b;
    // In this order a NaN stays one.
    case 4: return a != a ? a : a > b ? a : b;
    case 5: return a != a ? a : a < b ? a : b;
    case 6: return powf(a, b);
    case 7: return a < b ? 1.f : 0.f;
    case 8: return a <= b ? 1.f : 0.f;
    case 9: return a == b ? 1.f : 0.f;
    default: return b == 0.f ? 0.f : a;
    }
}

// What the value changes by with its first (side 0) or second element; of equal ones the larger and the smaller go half to each.
INLINE float part_of(float a, float b, int kind, int side) {
    float tie = a == b ? 0.5f : 0.f;
    switch (kind) {
    case 0: return 1.f;
    case 1: return side ? -1.f : 1.f;
    case 2: return side ? a : b;
    case 3: return side ? -a / (b * b) : 1.f / b;
    case 4: return (side ? a < b : a > b) ? 1.f : tie;
    case 5: return (side ? a > b : a < b) ? 1.f : tie;
    case 6: return side ? powf(a, b) * logf(a) : b * powf(a, b - 1.f);
    case 10: return side || b == 0.f ? 0.f : 1.f;
    // They jump, and are level between.
    default: return 0.f;
    }
}

// W channels of a pixel from `first` on, or the one that all share.
template <int W, class T> INLINE void read(const T* x, int stride, Size size, u32 pixel, u32 first, float* v) {
    if (size.channels == 1) {
        float one = up(*at(x, pixel, stride, 0));
        UNROLL for (int i = 0; i < W; i++) v[i] = one;
    } else {
        load<W>(at(x, pixel, stride, first), v);
    }
}

#define SIZE(P) u32 P##h, u32 P##w, u32 P##c

#define ARITHMETIC(N, T, W) \
    KERNEL(256, arithmetic_##N, const T* a, int as, SIZE(a), const T* b, int bs, SIZE(b), T* y, int ys, SIZE(y), \
           u32 pixels, int kind) { \
        Size first = {ah, aw, ac}, second = {bh, bw, bc}; \
        each<W>(pixels, yc, [&](u32 p, u32 c) { \
            u32 column = p % yw, row = p / yw % yh, image = p / yw / yh; \
            float v[W], w[W]; \
            read<W>(a, as, first, pixel_of(first, image, row, column), c, v); \
            read<W>(b, bs, second, pixel_of(second, image, row, column), c, w); \
            UNROLL for (int i = 0; i < W; i++) v[i] = combine(v[i], w[i], kind); \
            store<W>(at(y, p, ys, c), v); \
        }); \
    } \
    /* A thread sums what some channels of a pixel of the gradient were repeated along, row by row; dx has the sizes of its side. */ \
    KERNEL(256, arithmetic_backward_##N, const T* a, int as, SIZE(a), const T* b, int bs, SIZE(b), const T* dy, int ys, SIZE(y), \
           T* dx, int xs, u32 pixels, int kind, int side, int add) { \
        Size first = {ah, aw, ac}, second = {bh, bw, bc}, own = side ? second : first; \
        each<W>(pixels, own.channels, [&](u32 p, u32 c) { \
            u32 column = p % own.width, row = p / own.width % own.height, image = p / own.width / own.height; \
            u32 top = own.height == yh ? row : 0, bottom = own.height == yh ? row + 1 : yh; \
            u32 left = own.width == yw ? column : 0, right = own.width == yw ? column + 1 : yw; \
            /* All channels of the output go to one of the gradient's, or each to its own. */ \
            u32 past = own.channels == yc ? c + W : yc; \
            float sum[W]; \
            UNROLL for (int i = 0; i < W; i++) sum[i] = 0.f; \
            for (u32 h = top; h < bottom; h++) \
                for (u32 w = left; w < right; w++) \
                    for (u32 channel = c; channel < past; channel += W) { \
                        float u[W], v[W], g[W]; \
                        read<W>(a, as, first, pixel_of(first, image, h, w), channel, u); \
                        read<W>(b, bs, second, pixel_of(second, image, h, w), channel, v); \
                        load<W>(at(dy, (image * yh + h) * yw + w, ys, channel), g); \
                        UNROLL for (int i = 0; i < W; i++) sum[i] += g[i] * part_of(u[i], v[i], kind, side); \
                    } \
            put<W>(at(dx, p, xs, c), sum, add); \
        }); \
    }
FOURS(ARITHMETIC)

// The same for gradients of few pixels that much is summed for, each channel by itself (a squeeze-and-excitation's): a block sums
// 32 channels of a pixel, eight pixels of the output at a time.
#define ARITHMETIC_SUMS(N, T) \
    KERNEL(256, arithmetic_sums_##N, const T* a, int as, SIZE(a), const T* b, int bs, SIZE(b), const T* dy, int ys, SIZE(y), \
           T* dx, int xs, u32 pixels, int kind, int side, int add) { \
        __shared__ float shared[256]; \
        Size first = {ah, aw, ac}, second = {bh, bw, bc}, own = side ? second : first; \
        u32 lane = threadIdx.x % 32, row = threadIdx.x / 32, c = blockIdx.y * 32 + lane; \
        u32 high = own.height == yh ? 1 : yh, wide = own.width == yw ? 1 : yw; \
        for (u32 p = blockIdx.x; p < pixels; p += gridDim.x) { \
            u32 column = p % own.width, image = p / own.width / own.height; \
            u32 top = own.height == yh ? p / own.width % own.height : 0, left = own.width == yw ? column : 0; \
            float sum = 0.f; \
            if (c < yc) \
                for (u32 i = row; i < high * wide; i += 8) { \
                    u32 h = top + i / wide, w = left + i % wide; \
                    float u[1], v[1]; \
                    read<1>(a, as, first, pixel_of(first, image, h, w), c, u); \
                    read<1>(b, bs, second, pixel_of(second, image, h, w), c, v); \
                    sum += up(*at(dy, (image * yh + h) * yw + w, ys, c)) * part_of(u[0], v[0], kind, side); \
                } \
            shared[threadIdx.x] = sum; \
            __syncthreads(); \
            if (row == 0 && c < yc) { \
                for (u32 i = 1; i < 8; i++) sum += shared[i * 32 + lane]; \
                put<1>(at(dx, p, xs, c), &sum, add); \
            } \
            __syncthreads(); \
        } \
    }
ARITHMETIC_SUMS(f32, float)
ARITHMETIC_SUMS(bf16, bf16)
