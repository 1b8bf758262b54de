// Few results, each joined from many elements (sums, extremes), in an order that the sizes alone decide.
#define JOIN 256

// Joins the numbers that the block's threads have for each of its lanes; the first thread of each lane has the result.
template <int W, class Join> INLINE void join_rows(float* v, float* shared, u32 lanes, Join join) {
    UNROLL for (int i = 0; i < W; i++) shared[i * JOIN + threadIdx.x] = v[i];
    __syncthreads();
    for (u32 o = blockDim.x / 2; o >= lanes; o >>= 1) {
        if (threadIdx.x < o) {
            UNROLL for (int i = 0; i < W; i++) {
                float* own = shared + i * JOIN + threadIdx.x;
                *own = join(own[0], own[o]);
            }
        }
        __syncthreads();
    }
    UNROLL for (int i = 0; i < W; i++) v[i] = shared[i * JOIN + threadIdx.x];
}

// The results of a view of `pixels` × `channels`. Lanes, a power of two, are vectors of W channels of a pixel side by side in a
// block; its threads, a power of two, and the blocks along y share the elements of each result: `take(p, c, first, step, s)`
// joins to s[W] every step-th element from `first` on. What blocks along y have goes to `part` (blocks × pixels × channels), and
// the last of them joins it and calls `finish(p, c, s)`; `counters` has one for each block along x, `start` changes nothing.
template <int W, class Join, class Take, class Finish>
INLINE void join_elements(u32 pixels, u32 channels, u32 lanes, float start, float* part, u32* counters, Join join, Take take,
                          Finish finish) {
    __shared__ float shared[JOIN * W];
    const u32 columns = (channels + lanes * W - 1) / (lanes * W), rows = blockDim.x / lanes;
    const u32 p = blockIdx.x / columns, c = (blockIdx.x % columns * lanes + threadIdx.x % lanes) * W;
    const u32 row = threadIdx.x / lanes;
    const bool within = p < pixels && c < channels;
    float s[W];
    UNROLL for (int i = 0; i < W; i++) s[i] = start;
    if (within) take(p, c, blockIdx.y * rows + row, gridDim.y * rows, s);
    join_rows<W>(s, shared, lanes, join);
    if (gridDim.y > 1) {
        const size_t all = (size_t)pixels * channels;
        float* own = part + (size_t)p * channels + c;
        if (within && row == 0) {
            UNROLL for (int i = 0; i < W; i++) own[blockIdx.y * all + i] = s[i];
        }
        if (!is_last(counters + blockIdx.x, gridDim.y)) return;
        UNROLL for (int i = 0; i < W; i++) s[i] = start;
        if (within)
            for (u32 block = row; block < gridDim.y; block += rows) {
                UNROLL for (int i = 0; i < W; i++) s[i] = join(s[i], __ldcg(own + block * all + i));
            }
        join_rows<W>(s, shared, lanes, join);
    }
    if (within && row == 0) finish(p, c, s);
}
