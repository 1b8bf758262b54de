// Sums by channel over all pixels of a view, in an order that the view alone decides.
#define REDUCE 512

// Threads side by side over vectors of W channels: a power of two, and at most 64 channels, so that the last block has
// many threads for each.
template <int W> INLINE int lanes(int vectors) {
    int n = 1;
    while (n < vectors && n < (W < 2 ? 32 : 64 / W)) n *= 2;
    return n;
}

// Adds up N sums a channel. The block's threads are `lanes` vectors of W channels by rows of pixels; `row(p, c, s)` adds a
// pixel's vector to s[N][W]. The blocks' sums go to `part` (blocks × N × channels); the last block of a column of
// channels adds those in their order and calls `finish(c, sums)`.
template <int W, int N, class Row, class Finish>
INLINE void columns(u32 pixels, u32 channels, float* part, u32* counters, Row row, Finish finish) {
    __shared__ __align__(16) float shared[REDUCE * N * (W < 2 ? 2 : W)];
    const int vectors = channels / W, tx = lanes<W>(vectors), ty = REDUCE / tx;
    const int x = threadIdx.x % tx, y = threadIdx.x / tx, width = tx * W;
    const u32 first = blockIdx.y * width;
    const u32 channel = first + x * W;
    float s[N][W];
    UNROLL for (int n = 0; n < N; n++) UNROLL for (int i = 0; i < W; i++) s[n][i] = 0.f;
    const u32 step = gridDim.x * ty;
    if (channel < channels) {
        u32 p = blockIdx.x * ty + y;
        for (; p + 3 * step < pixels; p += 4 * step) {
            UNROLL for (int k = 0; k < 4; k++) row(p + k * step, channel, s);
        }
        for (; p < pixels; p += step) row(p, channel, s);
    }
    UNROLL for (int n = 0; n < N; n++)
        UNROLL for (int i = 0; i < W; i++) shared[(n * W + i) * REDUCE + threadIdx.x] = s[n][i];
    __syncthreads();
    for (int o = ty / 2; o > 0; o >>= 1) {
        if (y < o) {
            UNROLL for (int k = 0; k < N * W; k++)
                shared[k * REDUCE + threadIdx.x] += shared[k * REDUCE + threadIdx.x + o * tx];
        }
        __syncthreads();
    }
    if (y == 0 && channel < channels) {
        UNROLL for (int n = 0; n < N; n++)
            UNROLL for (int i = 0; i < W; i++)
                part[((size_t)blockIdx.x * N + n) * channels + channel + i] = shared[(n * W + i) * REDUCE + threadIdx.x];
    }
    if (!is_last(counters + blockIdx.y, gridDim.x)) return;
    // Groups of threads, a thread a channel, each with every so many-th block.
    const int groups = REDUCE / width, group = threadIdx.x / width, c = first + threadIdx.x % width;
    double total[N];
    UNROLL for (int n = 0; n < N; n++) total[n] = 0;
    if (c < channels) {
        UNROLL for (int n = 0; n < N; n++) {
            const float* p = part + (size_t)n * channels + c;
            _Pragma("unroll 8") for (int k = group; k < gridDim.x; k += groups) total[n] += __ldcg(p + (size_t)k * N * channels);
        }
    }
    double* sums = (double*)shared;
    __syncthreads();
    UNROLL for (int n = 0; n < N; n++) sums[n * REDUCE + threadIdx.x] = total[n];
    __syncthreads();
    if (group == 0 && c < channels) {
        UNROLL for (int n = 0; n < N; n++)
            for (int k = 1; k < groups; k++) total[n] += sums[n * REDUCE + threadIdx.x + k * width];
        finish(c, total);
    }
}
