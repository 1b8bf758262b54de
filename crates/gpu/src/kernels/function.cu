// Functions of each element whose gradient is read from their input.

INLINE float logistic(float x) { return 1.f / (1.f + expf(-x)); }

// tanh(ln(1 + e^x)), from e^x alone so that nothing cancels, and the sigmoid of x; from 20 on both are 1.
INLINE float2 tangent_of_softplus(float x) {
    float e = expf(x > 20.f ? 20.f : x), n = e * (e + 2.f);
    float2 both;
    both.x = n / (n + 2.f);
    both.y = e / (1.f + e);
    return both;
}

// 0 SiLU, 1 GELU, 2 GELU by a tangent, 3 Hardswish, 4 Hardsigmoid (a: slope, b: at 0), 5 ELU (a: scale, b: scale of e^cx - 1, c:
// rate), 6 Softplus (a: sharpness, b: threshold), 7 Softsign, 8 Mish, 9 |x|, 10 e^x, 11 ln x, 12 square root, 13 1/x, 14 error
// function, 15 a·x, 16 x^a.
INLINE float value(float x, int kind, float a, float b, float c) {
    switch (kind) {
    // Below -88 what it is there: the exponential beyond is no number.
    case 0: { float t = x < -88.f ? -88.f : x; return t / (1.f + expf(-t)); }
    case 1: return 0.5f * x * erfcf(x * -0.70710678f);
    case 2: return 0.5f * x * (1.f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case 3: return x < -3.f ? 0.f : x > 3.f ? x : x * (x + 3.f) * (1.f / 6.f);
    case 4: { float y = fmaf(a, x, b), low = y < 0.f ? 0.f : y; return low > 1.f ? 1.f : low; }
    case 5: return x > 0.f ? a * x : b * expm1f(c * x);
    case 6: return a * x > b ? x : log1pf(expf(a * x)) / a;
    case 7: return x / (1.f + fabsf(x));
    case 8: return x * tangent_of_softplus(x).x;
    case 9: return fabsf(x);
    case 10: return expf(x);
    case 11: return logf(x);
    case 12: return sqrtf(x);
    case 13: return 1.f / x;
    case 14: return erff(x);
    case 15: return a * x;
    default: return powf(x, a);
    }
}

INLINE float derivative(float x, int kind, float a, float b, float c) {
    switch (kind) {
    case 0: { float t = x < -88.f ? -88.f : x, s = logistic(t); return s * (1.f + t * (1.f - s)); }
    case 1: return 0.5f * erfcf(x * -0.70710678f) + x * 0.39894228f * expf(-0.5f * x * x);
    case 2: {
        float t = tanhf(0.79788456f * (x + 0.044715f * x * x * x));
        return 0.5f * (1.f + t) + 0.5f * x * (1.f - t * t) * 0.79788456f * (1.f + 0.134145f * x * x);
    }
    case 3: return x < -3.f ? 0.f : x > 3.f ? 1.f : x * (1.f / 3.f) + 0.5f;
    case 4: { float y = fmaf(a, x, b); return y > 0.f && y < 1.f ? a : 0.f; }
    case 5: return x > 0.f ? a : b * c * expf(c * x);
    case 6: return a * x > b ? 1.f : logistic(a * x);
    case 7: { float d = 1.f / (1.f + fabsf(x)); return d * d; }
    case 8: {
        float2 both = tangent_of_softplus(x);
        return both.x + x * both.y * (1.f - both.x * both.x);
    }
    case 9: return x > 0.f ? 1.f : x < 0.f ? -1.f : x;
    case 10: return expf(x);
    case 11: return 1.f / x;
    case 12: return 0.5f / sqrtf(x);
    case 13: return -1.f / (x * x);
    case 14: return 1.1283792f * expf(-x * x);
    case 15: return a;
    default: return a * powf(x, a - 1.f);
    }
}

#define FUNCTION(N, T, W) \
    KERNEL(256, function_##N, const T* x, int xs, T* y, int ys, u32 pixels, u32 channels, int kind, float a, float b, float c) { \
        each<W>(pixels, channels, [&](u32 p, u32 first) { \
            float v[W]; \
            load<W>(at(x, p, xs, first), v); \
            UNROLL for (int i = 0; i < W; i++) v[i] = value(v[i], kind, a, b, c); \
            store<W>(at(y, p, ys, first), v); \
        }); \
    } \
    KERNEL(256, function_backward_##N, const T* x, int xs, const T* dy, int gs, T* dx, int ds, u32 pixels, u32 channels, \
           int kind, float a, float b, float c, int add) { \
        each<W>(pixels, channels, [&](u32 p, u32 first) { \
            float v[W], g[W]; \
            load<W>(at(x, p, xs, first), v); \
            load<W>(at(dy, p, gs, first), g); \
            UNROLL for (int i = 0; i < W; i++) { \
                float slope = derivative(v[i], kind, a, b, c); \
                g[i] = slope == 0.f ? 0.f : g[i] * slope; \
            } \
            put<W>(at(dx, p, ds, first), g, add); \
        }); \
    }
FORMATS(FUNCTION)
