// Local response normalization: y = x / (k + α/size · Σ x²)^β over a window of channels.
INLINE float power(float base, float beta) {
    return beta == 0.75f ? rsqrtf(base) * sqrtf(rsqrtf(base)) : powf(base, -beta);
}
template <class T> INLINE float base_of(const T* x, int c, int channels, int size, float share, float k) {
    int first = max(c - size / 2, 0), end = min(c + (size + 1) / 2, channels);
    float sum = 0.f;
    for (int j = first; j < end; j++) {
        float v = up(x[j]);
        sum += v * v;
    }
    return k + share * sum;
}

#define LOCAL_RESPONSE(N, T) \
    KERNEL(256, local_response_##N, const T* x, int xs, T* y, int ys, u32 pixels, u32 channels, int size, float share, \
           float beta, float k) { \
        each<1>(pixels, channels, [&](u32 p, u32 c) { \
            const T* row = at(x, p, xs, 0); \
            down(up(row[c]) * power(base_of(row, c, channels, size, share, k), beta), at(y, p, ys, c)); \
        }); \
    } \
    KERNEL(256, local_response_terms_##N, const T* x, int xs, const T* dy, int ds, float* own, float* terms, u32 pixels, \
           u32 channels, int size, float share, float beta, float k) { \
        each<1>(pixels, channels, [&](u32 p, u32 c) { \
            const T* row = at(x, p, xs, 0); \
            float base = base_of(row, c, channels, size, share, k), g = up(*at(dy, p, ds, c)) * power(base, beta); \
            size_t i = (size_t)p * channels + c; \
            own[i] = g; \
            terms[i] = g * up(row[c]) / base; \
        }); \
    } \
    KERNEL(256, local_response_backward_##N, const T* x, int xs, const float* own, const float* terms, T* dx, int gs, \
           u32 pixels, u32 channels, int size, float factor, int add) { \
        each<1>(pixels, channels, [&](u32 p, u32 c) { \
            int first = max((int)c + 1 - (size + 1) / 2, 0), end = min((int)c + size / 2 + 1, (int)channels); \
            const float* row = terms + (size_t)p * channels; \
            float sum = 0.f; \
            for (int j = first; j < end; j++) sum += row[j]; \
            float g[1] = {own[(size_t)p * channels + c] - factor * up(*at(x, p, xs, c)) * sum}; \
            put<1>(at(dx, p, gs, c), g, add); \
        }); \
    }
LOCAL_RESPONSE(f32, float)
LOCAL_RESPONSE(bf16, bf16)
