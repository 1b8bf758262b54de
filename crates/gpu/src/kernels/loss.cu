// Softmax, its logarithm, and cross-entropy: a block a row.

// The row's maximum, and the sum of exponentials above it.
template <class T> INLINE float2 exponentials(const T* x, int channels, float* shared) {
    float m = -__uint_as_float(0x7f800000u);
    for (int c = threadIdx.x; c < channels; c += blockDim.x) {
        float v = up(x[c]);
        m = m < v ? v : m;
    }
    m = max_block(m, shared);
    float s = 0.f;
    for (int c = threadIdx.x; c < channels; c += blockDim.x) s += expf(up(x[c]) - m);
    float2 both;
    both.x = m;
    both.y = sum_block(s, shared);
    return both;
}

#define SOFTMAX(N, T) \
    KERNEL(128, softmax_##N, const T* x, int xs, T* y, int ys, u32 pixels, int channels, int logarithm) { \
        __shared__ float shared[4]; \
        for (u32 p = blockIdx.x; p < pixels; p += gridDim.x) { \
            const T* row = at(x, p, xs, 0); \
            float2 e = exponentials(row, channels, shared); \
            float share = 1.f / e.y, log = logf(e.y); \
            for (int c = threadIdx.x; c < channels; c += 128) { \
                float d = up(row[c]) - e.x; \
                down(logarithm ? d - log : expf(d) * share, at(y, p, ys, c)); \
            } \
        } \
    } \
    KERNEL(128, softmax_backward_##N, const T* y, int ys, const T* dy, int ds, T* dx, int xs, u32 pixels, int channels, \
           int logarithm, int add) { \
        __shared__ float shared[4]; \
        for (u32 p = blockIdx.x; p < pixels; p += gridDim.x) { \
            float sum = 0.f; \
            for (int c = threadIdx.x; c < channels; c += 128) { \
                float g = up(*at(dy, p, ds, c)); \
                sum += logarithm ? g : g * up(*at(y, p, ys, c)); \
            } \
            sum = sum_block(sum, shared); \
            for (int c = threadIdx.x; c < channels; c += 128) { \
                float g = up(*at(dy, p, ds, c)), v = up(*at(y, p, ys, c)); \
                float d[1] = {logarithm ? g - expf(v) * sum : v * (g - sum)}; \
                put<1>(at(dx, p, xs, c), d, add); \
            } \
        } \
    }
SOFTMAX(f32, float)
SOFTMAX(bf16, bf16)

// Adds up the losses of rows, and how many are right, in the last block that comes here: every thread of each comes.
INLINE void add_rows(const float* part, u32* counters, u32 rows, float share, float* loss, u32* correct) {
    if (!is_last(counters, gridDim.x)) return;
    __shared__ double losses[128];
    __shared__ u32 rights[128];
    double sum = 0;
    u32 right = 0;
    for (u32 i = threadIdx.x; i < rows; i += 128) {
        sum += __ldcg(part + 2 * i);
        right += __ldcg(part + 2 * i + 1) > 0.f;
    }
    losses[threadIdx.x] = sum;
    rights[threadIdx.x] = right;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int i = 1; i < 128; i++) {
            sum += losses[i];
            right += rights[i];
        }
        *loss = (float)(sum / (double)share);
        *correct = right;
    }
}

// The first class whose logit is the row's largest.
template <class T> INLINE float likeliest(const T* row, float largest, int channels, float* shared) {
    float best = (float)channels;
    for (int c = threadIdx.x; c < channels; c += 128) if (up(row[c]) == largest && (float)c < best) best = (float)c;
    return over_block(best, shared, [](float a, float b) { return a < b ? a : b; });
}

// The mean loss and how many rows have their largest logit (the first of equals) at the label; dx (+)= factor·(softmax −
// one-hot) where it is given. A label that is no class makes the loss NaN and leaves the gradient without its one. Rows'
// losses go to `part`, and whether they are right; the last block adds them up.
#define CROSS_ENTROPY(N, T, G) \
    KERNEL(128, cross_entropy_##N, const T* x, int xs, const u32* labels, G* dx, int gs, u32 rows, int channels, float factor, \
           int add, float* part, u32* counters, float* loss, u32* correct) { \
        __shared__ float shared[4]; \
        u32 p = blockIdx.x; \
        const T* row = at(x, p, xs, 0); \
        u32 label = labels[p]; \
        float2 e = exponentials(row, channels, shared); \
        float share = 1.f / e.y, at_label = label < channels ? up(row[label]) : __uint_as_float(0x7fc00000u); \
        float best = likeliest(row, e.x, channels, shared); \
        if (dx) \
            for (int c = threadIdx.x; c < channels; c += 128) { \
                float g[1] = {factor * (expf(up(row[c]) - e.x) * share - (c == label ? 1.f : 0.f))}; \
                put<1>(at(dx, p, gs, c), g, add); \
            } \
        if (threadIdx.x == 0) { \
            part[2 * p] = logf(e.y) + e.x - at_label; \
            part[2 * p + 1] = best == (float)label ? 1.f : 0.f; \
        } \
        add_rows(part, counters, rows, (float)rows, loss, correct); \
    }
CROSS_ENTROPY(f32_f32, float, float)
CROSS_ENTROPY(f32_bf16, float, bf16)
CROSS_ENTROPY(bf16_bf16, bf16, bf16)

// The same of shares of the classes, weighted as the row counts: the loss is the sum of share·(-ln softmax), dx (+)=
// factor·(softmax·(sum of shares) - share). A row is right where its largest logit is at the label.
#define SHARED_CROSS_ENTROPY(N, T, G) \
    KERNEL(128, shared_cross_entropy_##N, const T* x, int xs, const float* shares, const u32* labels, G* dx, int gs, u32 rows, \
           int channels, float factor, int add, float* part, u32* counters, float* loss, u32* correct) { \
        __shared__ float shared[4]; \
        u32 p = blockIdx.x; \
        const T* row = at(x, p, xs, 0); \
        const float* own = shares + (size_t)p * channels; \
        float2 e = exponentials(row, channels, shared); \
        float share = 1.f / e.y, log = logf(e.y) + e.x, total = 0.f, sum = 0.f; \
        for (int c = threadIdx.x; c < channels; c += 128) { \
            total += own[c]; \
            /* A class without a share adds nothing, however unlikely it is. */ \
            sum += own[c] > 0.f ? own[c] * (log - up(row[c])) : 0.f; \
        } \
        total = sum_block(total, shared); \
        sum = sum_block(sum, shared); \
        float best = likeliest(row, e.x, channels, shared); \
        if (dx) \
            for (int c = threadIdx.x; c < channels; c += 128) { \
                float g[1] = {factor * (expf(up(row[c]) - e.x) * share * total - own[c])}; \
                put<1>(at(dx, p, gs, c), g, add); \
            } \
        if (threadIdx.x == 0) { \
            /* A row that has no softmax tells so, however little it counts. */ \
            part[2 * p] = log == log ? sum : log; \
            part[2 * p + 1] = best == (float)labels[p] ? 1.f : 0.f; \
        } \
        add_rows(part, counters, rows, 1.f, loss, correct); \
    }
SHARED_CROSS_ENTROPY(f32_f32, float, float)
SHARED_CROSS_ENTROPY(f32_bf16, float, bf16)
SHARED_CROSS_ENTROPY(bf16_bf16, bf16, bf16)
