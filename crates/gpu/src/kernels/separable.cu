// Linear maps along the channels, the rows and the columns of images, and elements in another order.

// What an element along an axis is made of: of each where its entries begin, and where the last one's end; then the entries, an
// input and its weight.
struct Taps {
    const u32* table;
    u32 outputs;
};
INLINE u32 first_of(Taps taps, u32 output) { return taps.table[output]; }
INLINE const u32* entry(Taps taps, u32 i) { return taps.table + taps.outputs + 1 + 2 * i; }

// `across` is null where each channel is made of that of its number.
#define SEPARABLE(N, T, W) \
    KERNEL(256, separable_##N, const T* x, int xs, T* y, int ys, u32 pixels, u32 channels, u32 xh, u32 xw, u32 yh, u32 yw, \
           const u32* down, const u32* along, const u32* across, int add) { \
        Taps rows = {down, yh}, columns = {along, yw}, mixed = {across, channels}; \
        each<W>(pixels, channels, [&](u32 p, u32 c) { \
            u32 column = p % yw, row = p / yw % yh, image = p / yw / yh; \
            float sum[W]; \
            UNROLL for (int i = 0; i < W; i++) sum[i] = 0.f; \
            for (u32 h = first_of(rows, row); h < first_of(rows, row + 1); h++) \
                for (u32 w = first_of(columns, column); w < first_of(columns, column + 1); w++) { \
                    const u32 *by_row = entry(rows, h), *by_column = entry(columns, w); \
                    u32 pixel = (image * xh + by_row[0]) * xw + by_column[0]; \
                    float weight = __uint_as_float(by_row[1]) * __uint_as_float(by_column[1]); \
                    if (across) { \
                        for (u32 k = first_of(mixed, c); k < first_of(mixed, c + 1); k++) { \
                            const u32* by_channel = entry(mixed, k); \
                            float v = up(*at(x, pixel, xs, by_channel[0])); \
                            sum[0] = fmaf(weight * __uint_as_float(by_channel[1]), v, sum[0]); \
                        } \
                    } else { \
                        float v[W]; \
                        load<W>(at(x, pixel, xs, c), v); \
                        UNROLL for (int i = 0; i < W; i++) sum[i] = fmaf(weight, v[i], sum[i]); \
                    } \
                } \
            put<W>(at(y, p, ys, c), sum, add); \
        }); \
    }
FORMATS(SEPARABLE)

// The same where an output is made of many inputs, which threads share.
#define SEPARABLE_MANY(N, T, W) \
    KERNEL(JOIN, separable_many_##N, u32 lanes, float* part, u32* counters, const T* x, int xs, T* y, int ys, u32 pixels, \
           u32 channels, u32 xh, u32 xw, u32 yh, u32 yw, const u32* down, const u32* along, const u32* across, int add) { \
        Taps rows = {down, yh}, columns = {along, yw}, mixed = {across, channels}; \
        join_elements<W>( \
            pixels, channels, lanes, 0.f, part, counters, [](float a, float b) { return a + b; }, \
            [&](u32 p, u32 c, u32 first, u32 step, float* sum) { \
                u32 column = p % yw, row = p / yw % yh, image = p / yw / yh; \
                u32 top = first_of(rows, row), left = first_of(columns, column), front = across ? first_of(mixed, c) : 0; \
                u32 wide = first_of(columns, column + 1) - left, deep = across ? first_of(mixed, c + 1) - front : 1; \
                u32 count = (first_of(rows, row + 1) - top) * wide * deep; \
                _Pragma("unroll 2") for (u32 i = first; i < count; i += step) { \
                    u32 rest = across ? i / deep : i; \
                    const u32 *by_row = entry(rows, top + rest / wide), *by_column = entry(columns, left + rest % wide); \
                    u32 pixel = (image * xh + by_row[0]) * xw + by_column[0], channel = c; \
                    float weight = __uint_as_float(by_row[1]) * __uint_as_float(by_column[1]); \
                    if (across) { \
                        const u32* by_channel = entry(mixed, front + i - rest * deep); \
                        channel = by_channel[0]; \
                        weight *= __uint_as_float(by_channel[1]); \
                    } \
                    float v[W]; \
                    load<W>(at(x, pixel, xs, channel), v); \
                    UNROLL for (int k = 0; k < W; k++) sum[k] = fmaf(weight, v[k], sum[k]); \
                } \
            }, \
            [&](u32 p, u32 c, float* sum) { put<W>(at(y, p, ys, c), sum, add); }); \
    }
FORMATS(SEPARABLE_MANY)

// Of each element of an image, pixel by pixel, `order` tells the number of the one that it comes from.
#define REARRANGE(N, T) \
    KERNEL(256, rearrange_##N, const T* x, int xs, u32 xp, u32 xc, T* y, int ys, u32 pixels, u32 channels, u32 yp, \
           const u32* order, int add) { \
        each<1>(pixels, channels, [&](u32 p, u32 c) { \
            u32 image = p / yp, from = order[(p - image * yp) * channels + c], pixel = from / xc; \
            float v[1] = {up(*at(x, image * xp + pixel, xs, from - pixel * xc))}; \
            put<1>(at(y, p, ys, c), v, add); \
        }); \
    }
REARRANGE(f32, float)
REARRANGE(bf16, bf16)

// The same numbers for every image of `map` pixels: of each channel its pixels, one after the other.
#define REPEAT(N, T) \
    KERNEL(256, repeat_##N, const float* values, T* y, int ys, u32 pixels, u32 channels, u32 map) { \
        each<1>(pixels, channels, [&](u32 p, u32 c) { down(values[c * map + p % map], at(y, p, ys, c)); }); \
    }
REPEAT(f32, float)
REPEAT(bf16, bf16)
