// What all kernels share: element formats, vector loads and stores, walks over views. Compiled by NVRTC, and for tests
// by g++ behind crates/gpu/emulation/src/emulation.h; it includes nothing.
typedef unsigned char u8;
typedef unsigned short bf16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef EMULATED
#define KERNEL(THREADS, NAME, ...) extern "C" __global__ void __launch_bounds__(THREADS) NAME(__VA_ARGS__)
#define INLINE __device__ __forceinline__
#define UNROLL _Pragma("unroll")
INLINE u32 pack(float low, float high) {
    u32 both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}
#endif

INLINE float up(float x) { return x; }
INLINE float up(bf16 x) { return __uint_as_float((u32)x << 16); }
INLINE void down(float x, float* y) { *y = x; }
INLINE void down(float x, bf16* y) { *y = (bf16)(pack(x, 0.f) & 0xffffu); }

// W elements from p on, of which 4 or 8 go as vectors of 16 bytes or, of 4 bf16, of 8; these divide the address.
template <int W> INLINE void load(const float* p, float* v) {
    if (W % 4 == 0) {
        UNROLL for (int i = 0; i < W; i += 4) {
            float4 u = *(const float4*)(p + i);
            v[i] = u.x; v[i + 1] = u.y; v[i + 2] = u.z; v[i + 3] = u.w;
        }
    } else {
        UNROLL for (int i = 0; i < W; i++) v[i] = p[i];
    }
}
template <int W> INLINE void load(const bf16* p, float* v) {
    if (W == 8) {
        uint4 u = *(const uint4*)p;
        u32 w[4] = {u.x, u.y, u.z, u.w};
        UNROLL for (int i = 0; i < 4; i++) {
            v[(2 * i) % W] = __uint_as_float(w[i] << 16);
            v[(2 * i + 1) % W] = __uint_as_float(w[i] & 0xffff0000u);
        }
    } else if (W == 4) {
        uint2 u = *(const uint2*)p;
        v[0] = __uint_as_float(u.x << 16); v[1 % W] = __uint_as_float(u.x & 0xffff0000u);
        v[2 % W] = __uint_as_float(u.y << 16); v[3 % W] = __uint_as_float(u.y & 0xffff0000u);
    } else {
        UNROLL for (int i = 0; i < W; i++) v[i] = up(p[i]);
    }
}
template <int W> INLINE void store(float* p, const float* v) {
    if (W % 4 == 0) {
        UNROLL for (int i = 0; i < W; i += 4) {
            float4 u;
            u.x = v[i]; u.y = v[i + 1]; u.z = v[i + 2]; u.w = v[i + 3];
            *(float4*)(p + i) = u;
        }
    } else {
        UNROLL for (int i = 0; i < W; i++) p[i] = v[i];
    }
}
template <int W> INLINE void store(bf16* p, const float* v) {
    if (W == 8) {
        uint4 u;
        u.x = pack(v[0], v[1 % W]); u.y = pack(v[2 % W], v[3 % W]);
        u.z = pack(v[4 % W], v[5 % W]); u.w = pack(v[6 % W], v[7 % W]);
        *(uint4*)p = u;
    } else if (W == 4) {
        uint2 u;
        u.x = pack(v[0], v[1 % W]); u.y = pack(v[2 % W], v[3 % W]);
        *(uint2*)p = u;
    } else {
        UNROLL for (int i = 0; i < W; i++) down(v[i], p + i);
    }
}

// Stores v, or adds it to what is there.
template <int W, class T> INLINE void put(T* p, float* v, int add) {
    if (add) {
        float old[W];
        load<W>(p, old);
        UNROLL for (int i = 0; i < W; i++) v[i] += old[i];
    }
    store<W>(p, v);
}

// Calls f with each pixel and the first of each W channels; W divides the channels.
template <int W, class F> INLINE void each(u32 pixels, u32 channels, F f) {
    u32 row = channels / W, total = pixels * row;
    for (u32 i = blockIdx.x * blockDim.x + threadIdx.x; i < total; i += gridDim.x * blockDim.x) {
        u32 pixel = pixels == 1 ? 0 : i / row;
        f(pixel, (i - pixel * row) * W);
    }
}

// The element of a view: pixel p starts p·stride elements after the first.
template <class T> INLINE T* at(T* p, u32 pixel, int stride, u32 channel) {
    return p + (size_t)pixel * stride + channel;
}

// The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
INLINE u64 mix(u64 key) {
    key += 0x9E3779B97F4A7C15ull;
    key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9ull;
    key = (key ^ (key >> 27)) * 0x94D049BB133111EBull;
    return key ^ (key >> 31);
}

// Sums and maxima over a block of threads, the same order every time; `shared` holds a number a warp.
template <class F> INLINE float over_block(float v, float* shared, F join) {
    UNROLL for (int o = 16; o > 0; o >>= 1) v = join(v, __shfl_xor_sync(0xffffffffu, v, o));
    __syncthreads();
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = v;
    __syncthreads();
    v = shared[0];
    for (u32 w = 1; w < blockDim.x / 32; w++) v = join(v, shared[w]);
    return v;
}
INLINE float sum_block(float v, float* shared) {
    return over_block(v, shared, [](float a, float b) { return a + b; });
}
INLINE float max_block(float v, float* shared) {
    return over_block(v, shared, [](float a, float b) { return a < b ? b : a; });
}

// Whether this is the last of `count` blocks to come here; what the others wrote before is then visible.
INLINE bool is_last(u32* counter, u32 count) {
    __shared__ u32 last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicAdd(counter, 1u) == count - 1;
        if (last) *counter = 0;
    }
    __syncthreads();
    bool is = last;
    if (is) __threadfence();
    return is;
}

// K(suffix, format, vector width)
#define FORMATS(K) K(f32_wide, float, 4) K(f32, float, 1) K(bf16_wide, bf16, 8) K(bf16, bf16, 1)
// The same for kernels of many numbers a channel, where vectors of four leave registers for them.
#define FOURS(K) K(f32_wide, float, 4) K(f32, float, 1) K(bf16_wide, bf16, 4) K(bf16, bf16, 1)
