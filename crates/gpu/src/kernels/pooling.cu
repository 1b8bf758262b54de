// Max and average pooling over windows that tables give: for each output row (and column) start, end, divisor; for each
// input row (and column) the first output that holds it, and one past the last.

template <int W> INLINE void store_codes(u8* p, const u32* codes) {
    if (W % 4 == 0) {
        UNROLL for (int i = 0; i < W; i += 4)
            *(u32*)(p + i) = codes[i] | codes[i + 1] << 8 | codes[i + 2] << 16 | codes[i + 3] << 24;
    } else {
        UNROLL for (int i = 0; i < W; i++) p[i] = (u8)codes[i];
    }
}
template <int W> INLINE void load_codes(const u8* p, u32* codes) {
    if (W % 4 == 0) {
        UNROLL for (int i = 0; i < W; i += 4) {
            u32 word = *(const u32*)(p + i);
            UNROLL for (int k = 0; k < 4; k++) codes[(i + k) % W] = word >> (8 * k) & 255u;
        }
    } else {
        UNROLL for (int i = 0; i < W; i++) codes[i] = p[i];
    }
}

// y = the maximum of each window; codes, a byte an element, tell where it was: the first of equals, row by row.
// A NaN is above all others, the last one of them.
// The maximum may be of relu(x·scale + shift), so that normalization, ReLU and pooling are one pass.
#define MAX_POOL(N, T, W) \
    KERNEL(256, max_pool_##N, const T* x, int xs, T* y, int ys, u32 batch, u32 channels, u32 height, u32 width, u32 rows, \
           u32 columns, const int* row_spans, const int* column_spans, u8* codes, int pitch, const float* scale, \
           const float* shift, int positive) { \
        each<W>(batch * rows * columns, channels, [&](u32 o, u32 c) { \
            u32 ox = o % columns, rest = o / columns, oy = rest % rows, n = rest / rows; \
            const int *r = row_spans + 3 * oy, *q = column_spans + 3 * ox; \
            const T* map = x + (size_t)n * height * width * xs + c; \
            float best[W], a[W], b[W]; \
            u32 code[W]; \
            if (scale) { \
                load<W>(scale + c, a); \
                load<W>(shift + c, b); \
            } \
            int top = r[0], bottom = r[1], left = q[0], right = q[1]; \
            for (int h = top; h < bottom; h++) \
                for (int w = left; w < right; w++) { \
                    float v[W]; \
                    load<W>(map + (size_t)(h * (int)width + w) * xs, v); \
                    if (scale) { UNROLL for (int i = 0; i < W; i++) v[i] = fmaf(v[i], a[i], b[i]); } \
                    bool first = h == top && w == left; \
                    u32 k = (h - top) * pitch + w - left; \
                    UNROLL for (int i = 0; i < W; i++) if (first || v[i] > best[i] || v[i] != v[i]) { best[i] = v[i]; code[i] = k; } \
                } \
            if (positive) { UNROLL for (int i = 0; i < W; i++) best[i] = best[i] < 0.f ? 0.f : best[i]; } \
            store<W>(at(y, o, ys, c), best); \
            if (codes) store_codes<W>(codes + (size_t)o * channels + c, code); \
        }); \
    } \
    KERNEL(256, max_pool_backward_##N, const T* dy, int ds, T* dx, int xs, u32 batch, u32 channels, u32 height, u32 width, \
           u32 rows, u32 columns, const int* row_spans, const int* column_spans, const int* row_holders, \
           const int* column_holders, const u8* codes, int pitch, const T* y, int ys, int add) { \
        each<W>(batch * height * width, channels, [&](u32 p, u32 c) { \
            u32 w = p % width, rest = p / width, h = rest % height, n = rest / height; \
            float sum[W]; \
            UNROLL for (int i = 0; i < W; i++) sum[i] = 0.f; \
            int down = row_holders[2 * h], below = row_holders[2 * h + 1]; \
            int right = column_holders[2 * w], beyond = column_holders[2 * w + 1]; \
            for (int oy = down; oy < below; oy++) \
                for (int ox = right; ox < beyond; ox++) { \
                    u32 code[W], k = ((int)h - row_spans[3 * oy]) * pitch + (int)w - column_spans[3 * ox]; \
                    size_t o = ((size_t)n * rows + oy) * columns + ox; \
                    float g[W]; \
                    load_codes<W>(codes + o * channels + c, code); \
                    load<W>(dy + o * ds + c, g); \
                    if (y) { \
                        float v[W]; \
                        load<W>(y + o * ys + c, v); \
                        UNROLL for (int i = 0; i < W; i++) g[i] = v[i] > 0.f ? g[i] : 0.f; \
                    } \
                    UNROLL for (int i = 0; i < W; i++) sum[i] += code[i] == k ? g[i] : 0.f; \
                } \
            put<W>(at(dx, p, xs, c), sum, add); \
        }); \
    }
FORMATS(MAX_POOL)

// y = the mean of each window.
#define AVG_POOL(N, T, W) \
    KERNEL(256, avg_pool_##N, const T* x, int xs, T* y, int ys, u32 batch, u32 channels, u32 height, u32 width, u32 rows, \
           u32 columns, const int* row_spans, const int* column_spans) { \
        each<W>(batch * rows * columns, channels, [&](u32 o, u32 c) { \
            u32 ox = o % columns, rest = o / columns, oy = rest % rows, n = rest / rows; \
            const int *r = row_spans + 3 * oy, *q = column_spans + 3 * ox; \
            const T* map = x + (size_t)n * height * width * xs + c; \
            float sum[W]; \
            UNROLL for (int i = 0; i < W; i++) sum[i] = 0.f; \
            for (int h = r[0]; h < r[1]; h++) \
                _Pragma("unroll 4") for (int w = q[0]; w < q[1]; w++) { \
                    float v[W]; \
                    load<W>(map + (size_t)(h * (int)width + w) * xs, v); \
                    UNROLL for (int i = 0; i < W; i++) sum[i] += v[i]; \
                } \
            float share = 1.f / (float)(r[2] * q[2]); \
            UNROLL for (int i = 0; i < W; i++) sum[i] *= share; \
            store<W>(at(y, o, ys, c), sum); \
        }); \
    } \
    KERNEL(256, avg_pool_backward_##N, const T* dy, int ds, T* dx, int xs, u32 batch, u32 channels, u32 height, u32 width, \
           u32 rows, u32 columns, const int* row_spans, const int* column_spans, const int* row_holders, \
           const int* column_holders, int add) { \
        each<W>(batch * height * width, channels, [&](u32 p, u32 c) { \
            u32 w = p % width, rest = p / width, h = rest % height, n = rest / height; \
            float sum[W]; \
            UNROLL for (int i = 0; i < W; i++) sum[i] = 0.f; \
            for (int oy = row_holders[2 * h]; oy < row_holders[2 * h + 1]; oy++) \
                for (int ox = column_holders[2 * w]; ox < column_holders[2 * w + 1]; ox++) { \
                    float share = 1.f / (float)(row_spans[3 * oy + 2] * column_spans[3 * ox + 2]), g[W]; \
                    load<W>(dy + (((size_t)n * rows + oy) * columns + ox) * ds + c, g); \
                    UNROLL for (int i = 0; i < W; i++) sum[i] += g[i] * share; \
                } \
            put<W>(at(dx, p, xs, c), sum, add); \
        }); \
    }
FORMATS(AVG_POOL)

// The same for large windows, whose elements threads share.
#define AVG_POOL_MANY(N, T, W) \
    KERNEL(JOIN, avg_pool_many_##N, u32 lanes, float* part, u32* counters, const T* x, int xs, T* y, int ys, u32 batch, u32 channels, \
           u32 height, u32 width, u32 rows, u32 columns, const int* row_spans, const int* column_spans) { \
        join_elements<W>( \
            batch * rows * columns, channels, lanes, 0.f, part, counters, [](float a, float b) { return a + b; }, \
            [&](u32 o, u32 c, u32 first, u32 step, float* sum) { \
                const int *r = row_spans + 3 * (o / columns % rows), *q = column_spans + 3 * (o % columns); \
                const T* map = x + (size_t)(o / columns / rows) * height * width * xs + c; \
                u32 wide = q[1] - q[0], count = (r[1] - r[0]) * wide; \
                _Pragma("unroll 4") for (u32 i = first; i < count; i += step) { \
                    u32 h = r[0] + i / wide, w = q[0] + i % wide; \
                    float v[W]; \
                    load<W>(map + (size_t)(h * width + w) * xs, v); \
                    UNROLL for (int k = 0; k < W; k++) sum[k] += v[k]; \
                } \
            }, \
            [&](u32 o, u32 c, float* sum) { \
                float share = 1.f / (float)(row_spans[3 * (o / columns % rows) + 2] * column_spans[3 * (o % columns) + 2]); \
                UNROLL for (int i = 0; i < W; i++) sum[i] *= share; \
                store<W>(at(y, o, ys, c), sum); \
            }); \
    }
FORMATS(AVG_POOL_MANY)
