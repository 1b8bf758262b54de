// Batches of images that are kept as bytes: pixels moved, normalized, overwritten, mixed. Products are rounded before they are added,
// as the CPU does it, so that the images are the same to the bit.

struct Line { int first, step, from, to; };
struct Entry { int image; Line rows, columns; int top, bottom, left, right, unused[3]; };
struct Mix { int kind; float own, other; int top, bottom, left, right, before, unused[8]; };

// Place p of an axis of `size` places; −1 for none.
INLINE int source(Line line, int p, int size) {
    int at = line.first + line.step * p;
    return p >= line.from && p < line.to && at >= 0 && at < size ? at : -1;
}

// `factors` holds for each channel what a level is multiplied with, what is added, and what overwrites.
KERNEL(256, move_images, const u8* set, const Mix* record, const float* factors, float* out, u32 batch, u32 channels, u32 height,
       u32 width, u32 images, u32 planes, u32 rows, u32 columns) {
    const Entry* entries = (const Entry*)(record + 1);
    Mix mix = *record;
    u32 before = mix.before != 0, total = batch * channels * height * width;
    for (u32 i = blockIdx.x * 256 + threadIdx.x; i < total; i += gridDim.x * 256) {
        u32 rest = i / width, x = i - rest * width, y = rest % height, q = rest / height, c = q % channels, n = q / channels;
        auto value = [&](const Entry& entry) {
            if ((int)y >= entry.top && (int)y < entry.bottom && (int)x >= entry.left && (int)x < entry.right)
                return factors[3 * c + 2];
            int h = source(entry.rows, y, rows), w = source(entry.columns, x, columns);
            bool inside = h >= 0 && w >= 0 && (u32)entry.image < images;
            size_t at = (((size_t)entry.image * planes + c % planes) * rows + h) * columns + w;
            return __fadd_rn(__fmul_rn(inside ? (float)set[at] : 0.f, factors[3 * c]), factors[3 * c + 1]);
        };
        u32 other = before ? n : (n == 0 ? batch : n) - 1;
        bool boxed = (int)y >= mix.top && (int)y < mix.bottom && (int)x >= mix.left && (int)x < mix.right;
        float v;
        if (mix.kind == 1) {
            v = __fadd_rn(__fmul_rn(value(entries[other]), mix.other), __fmul_rn(value(entries[n + before]), mix.own));
        } else {
            v = value(entries[mix.kind == 2 && boxed ? other : n + before]);
        }
        out[i] = v;
    }
}
