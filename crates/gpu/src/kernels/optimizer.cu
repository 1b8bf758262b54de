// Updates of flat parameters.

// A step begins: its key for random choices, and its number from 1 on.
KERNEL(32, tick_f32, Clock* clock) {
    if (threadIdx.x == 0) {
        clock->key = mix(clock->seed ^ mix(clock->steps));
        clock->steps += 1;
    }
}

// The kernel of a rule for gradients of either format, several elements at a time or one by one.
#define EACH(RULE) RULE(f32_wide, float, 8) RULE(f32, float, 1) RULE(bf16_wide, bf16, 8) RULE(bf16, bf16, 1)

// As PyTorch defines it: g += decay·p; v = momentum·v + taken·g, v = g at first; p −= lr·v, or p −= lr·(g + momentum·v) with
// Nesterov. Where there is a trust, g is multiplied with it after the decay.
#define SGD(N, G, W) \
    KERNEL(256, sgd_##N, const Clock* clock, float* p, const G* g, float* v, bf16* low, u32 count, const float* trust, float momentum, \
           float taken, float decay, int nesterov) { \
        float rate = clock->rate, part = clock->steps == 1 ? 1.f : taken, by = trust ? *trust : 1.f; \
        each<W>(1, count, [&](u32, u32 i) { \
            float a[W], d[W], m[W]; \
            load<W>(p + i, a); \
            load<W>(g + i, d); \
            UNROLL for (int k = 0; k < W; k++) d[k] = by * (d[k] + decay * a[k]); \
            if (v) { \
                load<W>(v + i, m); \
                UNROLL for (int k = 0; k < W; k++) { \
                    m[k] = momentum * m[k] + part * d[k]; \
                    d[k] = nesterov ? d[k] + momentum * m[k] : m[k]; \
                } \
                store<W>(v + i, m); \
            } \
            UNROLL for (int k = 0; k < W; k++) a[k] -= rate * d[k]; \
            store<W>(p + i, a); \
            if (low) store<W>(low + i, a); \
        }); \
    }
EACH(SGD)

// Adam (Kingma and Ba 2015, algorithm 1), or AdamW where decay is decoupled (Loshchilov and Hutter 2019); with the largest mean
// square so far under the root where that is kept (Reddi, Kale and Kumar 2018).
#define ADAM(N, G, W) \
    KERNEL(256, adam_##N, const Clock* clock, float* p, const G* g, float* first, float* second, float* largest, bf16* low, \
           u32 count, float beta1, float beta2, float eps, float decay, int decoupled) { \
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
            float a[W], d[W], m[W], s[W], l[W]; \
            load<W>(p + i, a); \
            load<W>(g + i, d); \
            load<W>(first + i, m); \
            load<W>(second + i, s); \
            if (largest) load<W>(largest + i, l); \
            UNROLL for (int k = 0; k < W; k++) { \
                d[k] = d[k] + coupled * a[k]; \
                m[k] = beta1 * m[k] + (1.f - beta1) * d[k]; \
                s[k] = beta2 * s[k] + (1.f - beta2) * d[k] * d[k]; \
                l[k] = largest ? fmaxf(l[k], s[k]) : s[k]; \
                a[k] = keep * a[k] - rate * m[k] / (sqrtf(l[k]) * root + eps); \
            } \
            store<W>(first + i, m); \
            store<W>(second + i, s); \
            if (largest) store<W>(largest + i, l); \
            store<W>(p + i, a); \
            if (low) store<W>(low + i, a); \
        }); \
    }
EACH(ADAM)

// Adam with Nesterov's momentum (Dozat 2016) as PyTorch defines it: the momentum of step t is μ = beta1·(1 − ½·0.96^(t·warmth)),
// and the clock has the product of all up to this step. What a decay leaves out is known better than the decay: 1 less it is the decay as
// it was written.
#define NADAM(N, G, W) \
    KERNEL(256, nadam_##N, const Clock* clock, float* p, const G* g, float* first, float* second, bf16* low, u32 count, \
           float beta1, float beta2, float taken1, float taken2, float eps, float decay, float warmth, int decoupled) { \
        __shared__ float shared[3]; \
        if (threadIdx.x == 0) { \
            double steps = (double)clock->steps, rate = (double)clock->rate, product = (double)clock->product; \
            double limit = 1.0 - (double)taken1, kept = 1.0 - (double)taken2; \
            double now = limit * (1.0 - 0.5 * pow(0.96, steps * warmth)); \
            double next = limit * (1.0 - 0.5 * pow(0.96, (steps + 1.0) * warmth)); \
            shared[0] = (float)(rate * (1.0 - now) / (1.0 - product)); \
            shared[1] = (float)(rate * next / (1.0 - product * next)); \
            shared[2] = (float)(1.0 / sqrt(1.0 - pow(kept, steps))); \
        } \
        __syncthreads(); \
        float ofGradient = shared[0], ofMean = shared[1], root = shared[2]; \
        float coupled = decoupled ? 0.f : decay, off = decoupled ? clock->rate * decay : 0.f; \
        each<W>(1, count, [&](u32, u32 i) { \
            float a[W], d[W], m[W], s[W]; \
            load<W>(p + i, a); \
            load<W>(g + i, d); \
            load<W>(first + i, m); \
            load<W>(second + i, s); \
            UNROLL for (int k = 0; k < W; k++) { \
                d[k] = d[k] + coupled * a[k]; \
                m[k] = beta1 * m[k] + taken1 * d[k]; \
                s[k] = beta2 * s[k] + taken2 * d[k] * d[k]; \
                a[k] -= off * a[k] + (ofGradient * d[k] + ofMean * m[k]) / (sqrtf(s[k]) * root + eps); \
            } \
            store<W>(first + i, m); \
            store<W>(second + i, s); \
            store<W>(p + i, a); \
            if (low) store<W>(low + i, a); \
        }); \
    }
EACH(NADAM)

// RMSprop (Hinton 2012) as PyTorch defines it: the gradient over the root of its mean square, or of its variance where the mean is
// kept (Graves 2013; never less than 0), by a velocity where that is.
#define RMSPROP(N, G, W) \
    KERNEL(256, rmsprop_##N, const Clock* clock, float* p, const G* g, float* square, float* mean, float* velocity, bf16* low, \
           u32 count, float alpha, float taken, float eps, float decay, float momentum) { \
        float rate = clock->rate; \
        each<W>(1, count, [&](u32, u32 i) { \
            float a[W], d[W], s[W], m[W], v[W]; \
            load<W>(p + i, a); \
            load<W>(g + i, d); \
            load<W>(square + i, s); \
            if (mean) load<W>(mean + i, m); \
            if (velocity) load<W>(velocity + i, v); \
            UNROLL for (int k = 0; k < W; k++) { \
                d[k] = d[k] + decay * a[k]; \
                s[k] = alpha * s[k] + taken * d[k] * d[k]; \
                float under = s[k]; \
                if (mean) { \
                    m[k] = alpha * m[k] + taken * d[k]; \
                    under = fmaxf(under - m[k] * m[k], 0.f); \
                } \
                float step = d[k] / (sqrtf(under) + eps); \
                if (velocity) step = v[k] = momentum * v[k] + step; \
                a[k] -= rate * step; \
            } \
            store<W>(square + i, s); \
            if (mean) store<W>(mean + i, m); \
            if (velocity) store<W>(velocity + i, v); \
            store<W>(p + i, a); \
            if (low) store<W>(low + i, a); \
        }); \
    }
EACH(RMSPROP)

// Adagrad (Duchi, Hazan and Singer 2011) as PyTorch defines it: the gradient over the root of the sum of its squares, at a rate that
// falls with the steps.
#define ADAGRAD(N, G, W) \
    KERNEL(256, adagrad_##N, const Clock* clock, float* p, const G* g, float* sum, bf16* low, u32 count, float fall, float eps, \
           float decay) { \
        float rate = (float)((double)clock->rate / (1.0 + (double)(clock->steps - 1) * (double)fall)); \
        each<W>(1, count, [&](u32, u32 i) { \
            float a[W], d[W], s[W]; \
            load<W>(p + i, a); \
            load<W>(g + i, d); \
            load<W>(sum + i, s); \
            UNROLL for (int k = 0; k < W; k++) { \
                d[k] = d[k] + decay * a[k]; \
                s[k] += d[k] * d[k]; \
                a[k] -= rate * d[k] / (sqrtf(s[k]) + eps); \
            } \
            store<W>(sum + i, s); \
            store<W>(p + i, a); \
            if (low) store<W>(low + i, a); \
        }); \
    }
EACH(ADAGRAD)

// Lion (Chen et al. 2023): the sign of a mean of gradients, with decoupled decay. The sign of 0 is 0, and NaN stays.
#define LION(N, G, W) \
    KERNEL(256, lion_##N, const Clock* clock, float* p, const G* g, float* mean, bf16* low, u32 count, float beta1, float beta2, \
           float taken1, float taken2, float decay) { \
        float rate = clock->rate, off = rate * decay; \
        each<W>(1, count, [&](u32, u32 i) { \
            float a[W], d[W], m[W]; \
            load<W>(p + i, a); \
            load<W>(g + i, d); \
            load<W>(mean + i, m); \
            UNROLL for (int k = 0; k < W; k++) { \
                float ahead = beta1 * m[k] + taken1 * d[k]; \
                float sign = ahead > 0.f ? 1.f : ahead < 0.f ? -1.f : ahead; \
                a[k] -= off * a[k] + rate * sign; \
                m[k] = beta2 * m[k] + taken2 * d[k]; \
            } \
            store<W>(mean + i, m); \
            store<W>(p + i, a); \
            if (low) store<W>(low + i, a); \
        }); \
    }
EACH(LION)
