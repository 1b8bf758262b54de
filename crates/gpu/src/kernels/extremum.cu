// Extremes of maps over some of their axes.

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

// The larger one; NaN where one is.
INLINE float larger(float a, float b) { return b > a || b != b ? b : a; }

// Calls f with the pixel and the channel of every step-th element of a part, channels first.
template <class F> INLINE void each_of(Part part, u32 image, u32 xh, u32 xw, u32 first, u32 step, F f) {
    u32 wide = part.right - part.left, deep = part.past - part.first, count = (part.bottom - part.top) * wide * deep;
    _Pragma("unroll 4") for (u32 i = first; i < count; i += step) {
        u32 rest = deep == 1 ? i : i / deep;
        f((image * xh + part.top + rest / wide) * xw + part.left + rest % wide, part.first + i - rest * deep);
    }
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
                        best = larger(best, v); \
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

// The same where a part has many elements, which threads share: extremes; the share of the gradient that goes to each of the elements
// that are equal to theirs; and, by the elements of the input, the gradient.
#define EXTREMUM_MANY(N, T, W) \
    KERNEL(JOIN, extremum_many_##N, u32 lanes, float* part, u32* counters, const T* x, int xs, T* y, int ys, u32 pixels, \
           u32 channels, u32 xh, u32 xw, u32 xc, u32 yh, u32 yw, float sign) { \
        join_elements<W>( \
            pixels, channels, lanes, -__uint_as_float(0x7f800000u), part, counters, larger, \
            [&](u32 p, u32 c, u32 first, u32 step, float* best) { \
                each_of(part_of(p, c, xh, xw, xc, yh, yw, channels), p / yw / yh, xh, xw, first, step, [&](u32 pixel, u32 k) { \
                    float v[W]; \
                    load<W>(at(x, pixel, xs, k), v); \
                    UNROLL for (int i = 0; i < W; i++) best[i] = larger(best[i], sign * v[i]); \
                }); \
            }, \
            [&](u32 p, u32 c, float* best) { \
                UNROLL for (int i = 0; i < W; i++) best[i] *= sign; \
                store<W>(at(y, p, ys, c), best); \
            }); \
    } \
    KERNEL(JOIN, extremum_shares_##N, u32 lanes, float* part, u32* counters, const T* x, int xs, const T* y, int ys, const T* dy, \
           int gs, float* shares, u32 pixels, u32 channels, u32 xh, u32 xw, u32 xc, u32 yh, u32 yw) { \
        join_elements<W>( \
            pixels, channels, lanes, 0.f, part, counters, [](float a, float b) { return a + b; }, \
            [&](u32 p, u32 c, u32 first, u32 step, float* equal) { \
                float best[W]; \
                load<W>(at(y, p, ys, c), best); \
                each_of(part_of(p, c, xh, xw, xc, yh, yw, channels), p / yw / yh, xh, xw, first, step, [&](u32 pixel, u32 k) { \
                    float v[W]; \
                    load<W>(at(x, pixel, xs, k), v); \
                    UNROLL for (int i = 0; i < W; i++) equal[i] += v[i] == best[i] ? 1.f : 0.f; \
                }); \
            }, \
            [&](u32 p, u32 c, float* equal) { \
                float g[W]; \
                load<W>(at(dy, p, gs, c), g); \
                UNROLL for (int i = 0; i < W; i++) g[i] /= equal[i]; \
                store<W>(shares + (size_t)p * channels + c, g); \
            }); \
    } \
    KERNEL(256, extremum_spread_##N, const T* x, int xs, const T* y, int ys, const float* shares, T* dx, int ds, u32 pixels, u32 xh, \
           u32 xw, u32 xc, u32 yh, u32 yw, u32 yc, int add) { \
        each<W>(pixels, xc, [&](u32 p, u32 c) { \
            u32 column = p % xw, row = p / xw % xh, image = p / xw / xh; \
            u32 result = (image * yh + (yh == xh ? row : 0)) * yw + (yw == xw ? column : 0); \
            float v[W], best[W], share[W]; \
            load<W>(at(x, p, xs, c), v); \
            if (yc == xc) { \
                load<W>(at(y, result, ys, c), best); \
                load<W>(shares + (size_t)result * yc + c, share); \
            } else { \
                UNROLL for (int i = 0; i < W; i++) { \
                    best[i] = up(*at(y, result, ys, 0)); \
                    share[i] = shares[result]; \
                } \
            } \
            UNROLL for (int i = 0; i < W; i++) v[i] = v[i] == best[i] ? share[i] : 0.f; \
            put<W>(at(dx, p, ds, c), v, add); \
        }); \
    }
FORMATS(EXTREMUM_MANY)
