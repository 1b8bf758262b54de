// Between pixels × channels and channels × pixels, and borders around maps.

// Maps of `map` pixels as vectors of (C, H, W): tiles of 32 × 32 through shared memory. A block's x walks over pixels, its
// y over channels, its z over images.
#define TRANSPOSE(N, A, B) \
    KERNEL(256, flatten_##N, const A* x, int xs, B* y, int ys, u32 batch, u32 map, u32 channels) { \
        __shared__ float tile[32][33]; \
        u32 tx = threadIdx.x % 32, ty = threadIdx.x / 32, p0 = blockIdx.x * 32, c0 = blockIdx.y * 32; \
        for (u32 n = blockIdx.z; n < batch; n += gridDim.z) { \
            __syncthreads(); \
            for (u32 k = ty; k < 32; k += 8) \
                if (p0 + k < map && c0 + tx < channels) tile[k][tx] = up(*at(x, n * map + p0 + k, xs, c0 + tx)); \
            __syncthreads(); \
            for (u32 k = ty; k < 32; k += 8) \
                if (c0 + k < channels && p0 + tx < map) \
                    down(tile[tx][k], y + (size_t)n * ys + (size_t)(c0 + k) * map + p0 + tx); \
        } \
    } \
    KERNEL(256, unflatten_##N, const A* x, int xs, B* y, int ys, u32 batch, u32 map, u32 channels, int add) { \
        __shared__ float tile[32][33]; \
        u32 tx = threadIdx.x % 32, ty = threadIdx.x / 32, p0 = blockIdx.x * 32, c0 = blockIdx.y * 32; \
        for (u32 n = blockIdx.z; n < batch; n += gridDim.z) { \
            __syncthreads(); \
            for (u32 k = ty; k < 32; k += 8) \
                if (c0 + k < channels && p0 + tx < map) \
                    tile[k][tx] = up(x[(size_t)n * xs + (size_t)(c0 + k) * map + p0 + tx]); \
            __syncthreads(); \
            for (u32 k = ty; k < 32; k += 8) \
                if (p0 + k < map && c0 + tx < channels) { \
                    float v[1] = {tile[tx][k]}; \
                    put<1>(at(y, n * map + p0 + k, ys, c0 + tx), v, add); \
                } \
        } \
    } \
    /* Few channels: a thread a pixel. */ \
    KERNEL(256, unflatten_thin_##N, const A* x, int xs, B* y, int ys, u32 batch, u32 map, u32 channels, int add) { \
        u32 total = batch * map; \
        for (u32 p = blockIdx.x * 256 + threadIdx.x; p < total; p += gridDim.x * 256) { \
            u32 n = p / map, q = p - n * map; \
            for (u32 c = 0; c < channels; c++) { \
                float v[1] = {up(x[(size_t)n * xs + (size_t)c * map + q])}; \
                put<1>(at(y, p, ys, c), v, add); \
            } \
        } \
    }
TRANSPOSE(f32_f32, float, float)
TRANSPOSE(f32_bf16, float, bf16)
TRANSPOSE(bf16_f32, bf16, float)
TRANSPOSE(bf16_bf16, bf16, bf16)

#define PAD(N, T, W) \
    KERNEL(256, pad_##N, const T* x, int xs, T* y, int ys, u32 batch, u32 channels, u32 height, u32 width, u32 tall, u32 wide, \
           int top, int left, float value) { \
        each<W>(batch * tall * wide, channels, [&](u32 o, u32 c) { \
            u32 rest = o / wide; \
            int w = (int)(o - rest * wide) - left, h = (int)(rest % tall) - top, n = rest / tall; \
            float v[W]; \
            UNROLL for (int i = 0; i < W; i++) v[i] = value; \
            if (h >= 0 && h < (int)height && w >= 0 && w < (int)width) load<W>(at(x, (n * height + h) * width + w, xs, c), v); \
            store<W>(at(y, o, ys, c), v); \
        }); \
    } \
    KERNEL(256, pad_backward_##N, const T* dy, int ds, T* dx, int xs, u32 batch, u32 channels, u32 height, u32 width, u32 tall, \
           u32 wide, int top, int left, int add) { \
        each<W>(batch * height * width, channels, [&](u32 p, u32 c) { \
            u32 w = p % width, rest = p / width, h = rest % height, n = rest / height; \
            float g[W]; \
            load<W>(at(dy, (n * tall + h + top) * wide + w + left, ds, c), g); \
            put<W>(at(dx, p, xs, c), g, add); \
        }); \
    }
FORMATS(PAD)

// Images (N, C, H, W) as maps whose pixels are blocks of 2 × 2 of theirs, C channels after C channels row by row, filled up
// with zeros to `channels`, with a border of zeros: block (y, x) starts at row 2·y − top and column 2·x − left.
#define BLOCKS(N, T, W) \
    KERNEL(256, space_to_depth_##N, const float* x, T* y, int ys, u32 batch, int height, int width, int in, u32 rows, \
           u32 columns, u32 channels, int top, int left) { \
        each<W>(batch * rows * columns, channels, [&](u32 p, u32 k) { \
            int rest = p / columns, n = rest / rows; \
            int h = (int)(rest % rows) * 2 - top, w = (int)(p % columns) * 2 - left; \
            float v[W]; \
            UNROLL for (int i = 0; i < W; i++) { \
                int b = (int)(k + i) / in, c = (int)(k + i) - b * in, r = h + b / 2, s = w + b % 2; \
                bool inside = b < 4 && r >= 0 && r < height && s >= 0 && s < width; \
                v[i] = inside ? x[((size_t)(n * in + c) * height + r) * width + s] : 0.f; \
            } \
            store<W>(at(y, p, ys, k), v); \
        }); \
    }
FORMATS(BLOCKS)

// Zeros where a weight (out, rows, columns, channels) of such blocks stands for no weight of the kernel that it came from:
// beyond its `height` rows or `width` columns, or beyond the blocks' channels.
#define CLEAR(N, T) \
    KERNEL(256, clear_taps_##N, T* w, u32 count, int rows, int columns, int channels, int in, int height, int width) { \
        for (u32 i = blockIdx.x * 256 + threadIdx.x; i < count; i += gridDim.x * 256) { \
            int k = i % channels, rest = i / channels, s = rest % columns, r = rest / columns % rows, b = k / in; \
            if (b >= 4 || 2 * r + b / 2 >= height || 2 * s + b % 2 >= width) down(0.f, w + i); \
        } \
    }
CLEAR(f32, float)
CLEAR(bf16, bf16)
