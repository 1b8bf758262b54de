// Updates of flat parameters. What changes from step to step lies in memory.
struct Clock { u64 seed, steps, key; float rate, unused; };

// A step begins: its key for random choices, and its number from 1 on.
KERNEL(32, tick_f32, Clock* clock) {
    if (threadIdx.x == 0) {
        clock->key = mix(clock->seed ^ mix(clock->steps));
        clock->steps += 1;
    }
}

// As PyTorch defines it: g += decay·p; v = momentum·v + g; p −= lr·v, or p −= lr·(g + momentum·v) with Nesterov.
#define SGD(N, G, W) \
    KERNEL(256, sgd_##N, const Clock* clock, float* p, const G* g, float* v, bf16* low, u32 count, float momentum, float decay, \
           int nesterov) { \
        float rate = clock->rate; \
        each<W>(1, count, [&](u32, u32 i) { \
            float a[W], d[W], m[W]; \
            load<W>(p + i, a); \
            load<W>(g + i, d); \
            UNROLL for (int k = 0; k < W; k++) d[k] = d[k] + decay * a[k]; \
            if (v) { \
                load<W>(v + i, m); \
                UNROLL for (int k = 0; k < W; k++) { \
                    m[k] = momentum * m[k] + d[k]; \
                    d[k] = nesterov ? d[k] + momentum * m[k] : m[k]; \
                } \
                store<W>(v + i, m); \
            } \
            UNROLL for (int k = 0; k < W; k++) a[k] -= rate * d[k]; \
            store<W>(p + i, a); \
            if (low) store<W>(low + i, a); \
        }); \
    }
SGD(f32_wide, float, 8)
SGD(f32, float, 1)
SGD(bf16_wide, bf16, 8)
SGD(bf16, bf16, 1)

// Adam (Kingma and Ba 2015, algorithm 1), or AdamW where decay is decoupled (Loshchilov and Hutter 2019).
#define ADAM(N, G, W) \
    KERNEL(256, adam_##N, const Clock* clock, float* p, const G* g, float* first, float* second, bf16* low, u32 count, \
           float beta1, float beta2, float eps, float decay, int decoupled) { \
        __shared__ float shared[2]; \
        if (threadIdx.x == 0) { \
            double steps = (double)clock->steps; \
            shared[0] = (float)((double)clock->rate / (1.0 - pow((double)beta1, steps))); \
            shared[1] = (float)(1.0 / sqrt(1.0 - pow((double)beta2, steps))); \
        } \
        __syncthreads(); \
        float rate = shared[0], root = shared[1]; \
        float coupled = decoupled ? 0.f : decay, keep = decoupled ? 1.f - clock->rate * decay : 1.f; \
        each<W>(1, count, [&](u32, u32 i) { \
            float a[W], d[W], m[W], s[W]; \
            load<W>(p + i, a); \
            load<W>(g + i, d); \
            load<W>(first + i, m); \
            load<W>(second + i, s); \
            UNROLL for (int k = 0; k < W; k++) { \
                d[k] = d[k] + coupled * a[k]; \
                m[k] = beta1 * m[k] + (1.f - beta1) * d[k]; \
                s[k] = beta2 * s[k] + (1.f - beta2) * d[k] * d[k]; \
                a[k] = keep * a[k] - rate * m[k] / (sqrtf(s[k]) * root + eps); \
            } \
            store<W>(first + i, m); \
            store<W>(second + i, s); \
            store<W>(p + i, a); \
            if (low) store<W>(low + i, a); \
        }); \
    }
ADAM(f32_wide, float, 8)
ADAM(f32, float, 1)
ADAM(bf16_wide, bf16, 8)
ADAM(bf16, bf16, 1)
