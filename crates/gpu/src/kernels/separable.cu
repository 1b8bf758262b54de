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

// The rows, the columns and the channels of a map that one of a smaller map is taken of: all of an axis whose size is 1 there.
struct Part {
    u32 top, bottom, left, right, first, past;
};
INLINE Part part_of(u32 p, u32 c, u32 h, u32 w, u32 channels, u32 oh, u32 ow, u32 oc) {
    u32 column = p % ow, row = p / ow % oh;
    Part part;
    part.top = oh == h ? row : 0;
    part.bottom = oh == h ? row + 1 : h;
    part.left = ow == w ? column : 0;
    part.right = ow == w ? column + 1 : w;
    part.first = oc == channels ? c : 0;
    part.past = oc == channels ? c + 1 : channels;
    return part;
}

// The largest of each part, NaN where one is; of sign -1 the smallest. The gradient goes in equal shares to all that are equal to it.
#define EXTREMUM(N, T) \
    KERNEL(256, extremum_##N, const T* x, int xs, T* y, int ys, u32 pixels, u32 channels, u32 xh, u32 xw, u32 xc, u32 yh, u32 yw, \
           float sign) { \
        each<1>(pixels, channels, [&](u32 p, u32 c) { \
            Part part = part_of(p, c, xh, xw, xc, yh, yw, channels); \
            u32 image = p / yw / yh; \
            float best = -__uint_as_float(0x7f800000u); \
            for (u32 h = part.top; h < part.bottom; h++) \
                for (u32 w = part.left; w < part.right; w++) \
                    for (u32 k = part.first; k < part.past; k++) { \
                        float v = sign * up(*at(x, (image * xh + h) * xw + w, xs, k)); \
                        best = v > best || v != v ? v : best; \
                    } \
            down(sign * best, at(y, p, ys, c)); \
        }); \
    } \
    KERNEL(256, extremum_backward_##N, const T* x, int xs, const T* y, int ys, const T* dy, int gs, T* dx, int ds, u32 pixels, \
           u32 channels, u32 xh, u32 xw, u32 xc, u32 yh, u32 yw, int add) { \
        each<1>(pixels, channels, [&](u32 p, u32 c) { \
            Part part = part_of(p, c, xh, xw, xc, yh, yw, channels); \
            u32 image = p / yw / yh, equal = 0; \
            float best = up(*at(y, p, ys, c)); \
            for (u32 h = part.top; h < part.bottom; h++) \
                for (u32 w = part.left; w < part.right; w++) \
                    for (u32 k = part.first; k < part.past; k++) \
                        equal += up(*at(x, (image * xh + h) * xw + w, xs, k)) == best; \
            float share = up(*at(dy, p, gs, c)) / (float)equal; \
            for (u32 h = part.top; h < part.bottom; h++) \
                for (u32 w = part.left; w < part.right; w++) \
                    for (u32 k = part.first; k < part.past; k++) { \
                        u32 pixel = (image * xh + h) * xw + w; \
                        float d = up(*at(x, pixel, xs, k)) == best ? share : 0.f; \
                        put<1>(at(dx, pixel, ds, k), &d, add); \
                    } \
        }); \
    }
EXTREMUM(f32, float)
EXTREMUM(bf16, bf16)

// The same numbers for every image of `map` pixels: of each channel its pixels, one after the other.
#define REPEAT(N, T) \
    KERNEL(256, repeat_##N, const float* values, T* y, int ys, u32 pixels, u32 channels, u32 map) { \
        each<1>(pixels, channels, [&](u32 p, u32 c) { down(values[c * map + p % map], at(y, p, ys, c)); }); \
    }
REPEAT(f32, float)
REPEAT(bf16, bf16)
