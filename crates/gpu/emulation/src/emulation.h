// CUDA's execution model on a CPU, to test kernels without a GPU: a fiber a thread, blocks one after another. A fiber gives
// way at barriers and shuffles; atomics and fences need nothing.
#pragma once
#define EMULATED
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <utility>
#include <vector>

struct dim3 { unsigned x, y, z; };
static dim3 threadIdx, blockIdx, blockDim, gridDim;
#define INLINE static inline
#define UNROLL
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))
struct float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };

static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __uint_as_float(unsigned u) { float f; memcpy(&f, &u, 4); return f; }
static inline unsigned __float_as_uint(float f) { unsigned u; memcpy(&u, &f, 4); return u; }
static inline unsigned pack(float low, float high) {
    auto half = [](float f) {
        unsigned u = __float_as_uint(f);
        if (f != f) return 0x7fffu;
        return (u + 0x7fffu + (u >> 16 & 1)) >> 16;
    };
    return half(low) | half(high) << 16;
}
static inline unsigned atomicAdd(unsigned* p, unsigned v) { unsigned old = *p; *p += v; return old; }
static inline int max(int a, int b) { return a > b ? a : b; }
static inline int min(int a, int b) { return a < b ? a : b; }
static inline float rsqrtf(float x) { return 1.f / sqrtf(x); }
static inline float __ldcg(const float* p) { return *p; }
static inline void __threadfence() {}

enum State { RUNNABLE, AT_BLOCK, AT_WARP, DONE };
struct Fiber { ucontext_t context; State state; dim3 thread; };
static std::vector<Fiber> fibers;
static std::vector<char> stacks;
static ucontext_t scheduler;
static unsigned current;
static float exchanged[1024];
static void (*kernel_call)(void**);
static void** kernel_arguments;

static void give_way(State state) {
    unsigned me = current;
    fibers[me].state = state;
    swapcontext(&fibers[me].context, &scheduler);
    threadIdx = fibers[me].thread;
}
static void __syncthreads() { give_way(AT_BLOCK); }
static void __syncwarp() { give_way(AT_WARP); }
static float __shfl_xor_sync(unsigned, float v, int lanes) {
    unsigned me = current;
    exchanged[me] = v;
    give_way(AT_WARP);
    float other = exchanged[me ^ lanes];
    give_way(AT_WARP);
    return other;
}
static void enter() {
    threadIdx = fibers[current].thread;
    kernel_call(kernel_arguments);
    fibers[current].state = DONE;
    swapcontext(&fibers[current].context, &scheduler);
}
static void run_block() {
    const unsigned count = blockDim.x;
    const size_t size = 1 << 17;
    if (fibers.size() < count) fibers.resize(count);
    if (stacks.size() < count * size) stacks.resize(count * size);
    for (unsigned i = 0; i < count; i++) {
        Fiber& fiber = fibers[i];
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = &stacks[i * size];
        fiber.context.uc_stack.ss_size = size;
        fiber.context.uc_link = nullptr;
        fiber.state = RUNNABLE;
        fiber.thread = {i, 0, 0};
        makecontext(&fiber.context, enter, 0);
    }
    for (;;) {
        bool ran = false;
        unsigned done = 0;
        for (unsigned i = 0; i < count; i++)
            if (fibers[i].state == RUNNABLE) { current = i; swapcontext(&scheduler, &fibers[i].context); ran = true; }
        for (unsigned i = 0; i < count; i++) done += fibers[i].state == DONE;
        if (done == count) return;
        if (!ran) { fprintf(stderr, "a barrier that not all threads reach\n"); abort(); }
        for (unsigned w = 0; w < count; w += 32) {
            bool all = true;
            for (unsigned i = w; i < w + 32 && i < count; i++) all &= fibers[i].state == AT_WARP;
            if (all) for (unsigned i = w; i < w + 32 && i < count; i++) fibers[i].state = RUNNABLE;
        }
        bool all = true;
        for (unsigned i = 0; i < count; i++) all &= fibers[i].state == AT_BLOCK || fibers[i].state == DONE;
        if (all) for (unsigned i = 0; i < count; i++) if (fibers[i].state == AT_BLOCK) fibers[i].state = RUNNABLE;
    }
}
template <class... P, size_t... I> static void call_with(void (*kernel)(P...), void** a, std::index_sequence<I...>) {
    kernel(*(P*)a[I]...);
}
template <class... P> static void call(void (*kernel)(P...), void** a) {
    call_with(kernel, a, std::index_sequence_for<P...>{});
}
// Each kernel is also `run_NAME(grid, threads, arguments)`, which the tests find by name.
#define KERNEL(THREADS, NAME, ...) \
    static void NAME(__VA_ARGS__); \
    extern "C" void run_##NAME(unsigned gx, unsigned gy, unsigned gz, unsigned threads, void** arguments) { \
        if (threads > THREADS) abort(); \
        gridDim = {gx, gy, gz}; \
        blockDim = {threads, 1, 1}; \
        kernel_call = [](void** a) { call(NAME, a); }; \
        kernel_arguments = arguments; \
        for (unsigned z = 0; z < gz; z++) \
            for (unsigned y = 0; y < gy; y++) \
                for (unsigned x = 0; x < gx; x++) { blockIdx = {x, y, z}; run_block(); } \
    } \
    static void NAME(__VA_ARGS__)
