// Updates by a look at a whole tensor: LARS and LAMB by its norms, Muon by its singular values.

// Adds up N sums of flat elements in double precision. `element(i, s)` adds element i to s[N]; the blocks' sums go to `part`, and
// the last block adds those in their order and calls `finish(sums)`.
template <int N, class Element, class Finish>
INLINE void flat_sums(u32 count, double* part, u32* counters, Element element, Finish finish) {
    __shared__ double shared[N * 256];
    double s[N];
    UNROLL for (int n = 0; n < N; n++) s[n] = 0;
    for (u32 i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) element(i, s);
    UNROLL for (int n = 0; n < N; n++) shared[n * 256 + threadIdx.x] = s[n];
    __syncthreads();
    for (u32 o = blockDim.x / 2; o > 0; o >>= 1) {
        if (threadIdx.x < o) {
            UNROLL for (int n = 0; n < N; n++) shared[n * 256 + threadIdx.x] += shared[n * 256 + threadIdx.x + o];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        UNROLL for (int n = 0; n < N; n++) part[blockIdx.x * N + n] = shared[n * 256];
    }
    if (!is_last(counters, gridDim.x) || threadIdx.x != 0) return;
    double total[N];
    UNROLL for (int n = 0; n < N; n++) total[n] = 0;
    for (u32 block = 0; block < gridDim.x; block++) {
        UNROLL for (int n = 0; n < N; n++) total[n] += part[block * N + n];
    }
    finish(total);
}

// out (+)= Σ x².
KERNEL(256, squares_f32, const float* x, u32 count, double* part, u32* counters, double* out, int add) {
    flat_sums<1>(
        count, part, counters, [&](u32 i, double* s) { s[0] += (double)x[i] * x[i]; },
        [&](double* total) { *out = add ? *out + total[0] : total[0]; });
}

// The trust ratio of LARS (You, Gitman and Ginsburg 2017): coefficient·‖p‖ / (‖g‖ + decay·‖p‖ + eps), 1 where a norm is 0; with
// `clip` it is at most what brings the step to the clock's rate, as LARC has it.
KERNEL(256, lars_trust_f32, const Clock* clock, const float* p, const float* g, u32 count, double* part, u32* counters, \
       float* trust, float coefficient, float decay, float eps, int clip) {
    flat_sums<2>(
        count, part, counters,
        [&](u32 i, double* s) {
            s[0] += (double)p[i] * p[i];
            s[1] += (double)g[i] * g[i];
        },
        [&](double* total) {
            double weights = sqrt(total[0]), gradients = sqrt(total[1]);
            double ratio = weights > 0.0 && gradients > 0.0
                ? (double)coefficient * weights / (gradients + weights * (double)decay + (double)eps) : 1.0;
            if (clip) {
                ratio = ratio / (double)clock->rate;
                ratio = ratio < 1.0 ? ratio : 1.0;
            }
            *trust = (float)ratio;
        });
}

// The step of LAMB (You et al. 2020, algorithm 2) of an element.
INLINE float lamb_change(float p, float m, float v, float mean, float root, float eps, float decay) {
    return m * mean / (sqrtf(v) * root + eps) + decay * p;
}

// What the mean and the root of the mean square are multiplied with.
INLINE void lamb_biases(const Clock* clock, float taken1, float taken2, float* shared) {
    if (threadIdx.x == 0) {
        double steps = (double)clock->steps;
        shared[0] = (float)(1.0 / (1.0 - pow(1.0 - (double)taken1, steps)));
        shared[1] = (float)(1.0 / sqrt(1.0 - pow(1.0 - (double)taken2, steps)));
    }
    __syncthreads();
}

// Takes a gradient in, brought down by the norm of all gradients where there is a limit, and finds the rate: the clock's by the ratio of
// the norms of the tensor and of its step, 1 where one is 0; at most 1 with `clip`.
KERNEL(256, lamb_take_f32, const Clock* clock, const float* p, const float* g, float* first, float* second, u32 count, \
       double* part, u32* counters, float* rate, const double* squares, float limit, float beta1, float beta2, float taken1, \
       float taken2, float eps, float decay, int adapt, int clip) {
    __shared__ float shared[2];
    lamb_biases(clock, taken1, taken2, shared);
    float mean = shared[0], root = shared[1], scale = 1.f;
    if (squares) {
        double over = sqrt(*squares) / (double)limit;
        scale = over > 1.0 ? (float)(1.0 / over) : 1.f;
    }
    flat_sums<2>(
        count, part, counters,
        [&](u32 i, double* s) {
            float d = g[i] * scale, m = beta1 * first[i] + taken1 * d, v = beta2 * second[i] + taken2 * d * d;
            first[i] = m;
            second[i] = v;
            double change = lamb_change(p[i], m, v, mean, root, eps, decay);
            s[0] += (double)p[i] * p[i];
            s[1] += change * change;
        },
        [&](double* total) {
            double weights = sqrt(total[0]), changes = sqrt(total[1]), ratio = 1.0;
            if (adapt) {
                if (weights > 0.0 && changes > 0.0) ratio = weights / changes;
                if (clip && ratio > 1.0) ratio = 1.0;
            }
            *rate = (float)((double)clock->rate * ratio);
        });
}

// p −= rate·step.
KERNEL(256, lamb_move_f32, const Clock* clock, float* p, const float* first, const float* second, u32 count, const float* rate, \
       float taken1, float taken2, float eps, float decay) {
    __shared__ float shared[2];
    lamb_biases(clock, taken1, taken2, shared);
    float mean = shared[0], root = shared[1], by = *rate;
    each<1>(1, count, [&](u32, u32 i) { p[i] -= by * lamb_change(p[i], first[i], second[i], mean, root, eps, decay); });
}

// Muon (Jordan 2024) as PyTorch defines it: v += taken·(g − v), and x = v, or g + momentum·(v − g) with Nesterov; one over its norm,
// which is eps at least.
KERNEL(256, muon_take_f32, const float* g, float* v, float* x, u32 count, double* part, u32* counters, float* inverse, \
       float momentum, float taken, int nesterov, float eps) {
    flat_sums<1>(
        count, part, counters,
        [&](u32 i, double* s) {
            float now = v[i] + taken * (g[i] - v[i]), step = nesterov ? g[i] + momentum * (now - g[i]) : now;
            v[i] = now;
            x[i] = step;
            s[0] += (double)step * step;
        },
        [&](double* total) {
            double norm = sqrt(total[0]);
            *inverse = (float)(1.0 / (norm < (double)eps ? (double)eps : norm));
        });
}

// x *= number.
KERNEL(256, scale_f32, float* x, u32 count, const float* number) {
    float by = *number;
    each<1>(1, count, [&](u32, u32 i) { x[i] *= by; });
}

// square = a·I + b·gram + c·square, of `side` rows and columns.
KERNEL(256, polynomial_f32, const float* gram, float* square, u32 side, float a, float b, float c) {
    each<1>(side, side, [&](u32 row, u32 column) {
        size_t i = (size_t)row * side + column;
        square[i] = (row == column ? a : 0.f) + b * gram[i] + c * square[i];
    });
}

// p −= rate·(decay·p + scale·x).
KERNEL(256, muon_move_f32, const Clock* clock, float* p, const float* x, u32 count, float scale, float decay) {
    float rate = clock->rate;
    each<1>(1, count, [&](u32, u32 i) { p[i] -= rate * decay * p[i] + rate * scale * x[i]; });
}
