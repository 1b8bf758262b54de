//! The constants of tiles, blocks, caches and tasks: a table for each family of kernels, with the unit in the name.
//!
//! Those that say where a sum is cut are part of the result: with another value the last bits are others. None
//! depends on the number of threads. What follows from an instruction set (lanes, rows of a register tile) stands in
//! [`simd`](crate::simd), what follows from an algorithm beside it.

/// Memory and threads.
pub(crate) mod machine {
    /// Bytes from which on a block asks for huge pages: fewer translations to look up, and a prefetcher that runs on
    /// where a page of 4 KiB would stop it.
    #[cfg(target_os = "linux")]
    pub(crate) const LEAST_HUGE_BYTES: usize = 4 << 20;
    /// Floats of a cache line.
    pub(crate) const LINE_FLOATS: usize = 16;
    /// Floats of which no distance of rows that are read together is a multiple: they would share two sets of the first-level
    /// cache.
    pub(crate) const ALIASED_FLOATS: usize = 512;
    /// Rounds of looking at an atomic before whoever waits gives its core to others between looks: some 20 to 40 µs.
    pub(crate) const SPIN_ROUNDS: u32 = 1_000;
    /// So many times a worker gives its core away before it sleeps.
    pub(crate) const WORKER_YIELDS: u32 = 200;
    /// The same for a caller that waits for workers inside a task, which end soon as a rule: a millisecond or so.
    pub(crate) const CALLER_YIELDS: u32 = 2_000;
    /// The most tasks for each thread that a range of items is cut in.
    pub(crate) const TASKS_PER_THREAD: usize = 4;
}

/// The indirect GEMM.
pub(crate) mod igemm {
    /// Positions that share one table of row pointers, and stay in the second-level cache beside a panel.
    pub(crate) const BLOCK_POSITIONS: usize = 96;
    /// The fewest positions of a block, however many taps they have.
    pub(crate) const LEAST_BLOCK_POSITIONS: usize = 16;
    /// The most entries of a table of row pointers.
    pub(crate) const TABLE_ENTRIES: usize = 8192;
    /// Tasks for each thread at which columns are split no further.
    pub(crate) const TASKS_PER_THREAD: usize = 4;
    /// Tasks that blocks and panels should give at least, so that threads have their shares; and for each thread, where blocks
    /// decide about no sum.
    pub(crate) const LEAST_TASKS: usize = 8;
    pub(crate) const LEAST_TASKS_PER_THREAD: usize = 2;
    /// Tiles for each thread below which they are few: all threads get as many rows then.
    pub(crate) const FEW_TILES: usize = 16;
    /// At most one tile more for so many is worth that.
    pub(crate) const MORE_TILES: usize = 4;
    /// How many numbers of blocks are tried for it.
    pub(crate) const MORE_BLOCKS: usize = 4;
    /// What a tile costs besides its products, in blocks.
    pub(crate) const TILE_COST_BLOCKS: usize = 2;
    /// What a tile costs besides its rows, in rows: the weights that it reads.
    pub(crate) const TILE_COST_ROWS: usize = 2;
    /// Places of the largest map that may be walked place by place, and the fewest images: beyond, the padding is too
    /// small a part or tiles are too empty to be worth the count.
    pub(crate) const MOST_PLACES: usize = 16 * 16;
    pub(crate) const LEAST_IMAGES: usize = 4;
    /// Rows of K between two looks at whether it ends; twice as many where a tile is one vector wide, which reads the addresses of its
    /// rows anew for them.
    pub(crate) const UNROLLED_ROWS: usize = 4;
    /// Cache lines that are asked for ahead between two such looks, for each vector of columns of the first panel: at most two tiles ask
    /// for a panel of weights, or three for two side by side, the others for pixels.
    pub(crate) const AHEAD_LINES: usize = 2;
}

/// Convolutions of many groups.
pub(crate) mod grouped {
    /// The fewest parts that the rows of all maps are cut in, by their channels where rows are too few.
    pub(crate) const LEAST_PARTS: usize = 32;
    /// Products below which a task is not worth a thread.
    pub(crate) const LEAST_TASK_PRODUCTS: usize = 65_536;
    /// The most parts that the rows of a weight gradient are summed in.
    pub(crate) const CHUNKS: usize = 32;
    /// The fewest rows of such a part.
    pub(crate) const LEAST_CHUNK_ROWS: usize = 8;
    /// Floats of the rows between three convolutions that run in bands, so that they stay in the second-level cache.
    pub(crate) const BAND_FLOATS: usize = 96 << 10;
    /// The fewest rows of such a band.
    pub(crate) const LEAST_BAND_ROWS: usize = 2;
    /// The most floats of expanded rows that are kept for the next row: a large kernel's, or a dilated one's, leave the cache.
    pub(crate) const MOST_KEPT_FLOATS: usize = 128 << 10;
    /// Of how many rows one may be computed twice.
    pub(crate) const TWICE_EXPANDED: usize = 4;
}

/// Weight gradients by outer products.
pub(crate) mod outer {
    /// Bytes of both operands that one pass over all tiles reads, so that they stay in the second-level cache.
    pub(crate) const CHUNK_BYTES: usize = 384 << 10;
    /// Pixels that one pass over a panel's tiles reads, so that its columns stay in the first-level cache.
    pub(crate) const BLOCK_PIXELS: usize = 128;
    /// Cache lines that are asked for ahead for each pixel of a tile.
    pub(crate) const AHEAD_LINES: usize = 1;
    /// From so many tiles on that read a panel's columns of a block, the columns are copied first.
    pub(crate) const LEAST_COPY_TILES: usize = 20;
    /// The fewest tiles worth a task of their own.
    pub(crate) const LEAST_TASK_TILES: usize = 1;
    /// The most threads that share the tiles of each chunk of a single part anew, so that none waits long for a slower one. More
    /// would wait for one another more often than that is worth: each keeps its tiles for all chunks.
    pub(crate) const FEW_THREADS: usize = 4;
    /// How many times as many floats as the sums of all parts their operands have at least, and the most parts. They decide where
    /// sums are cut.
    pub(crate) const PART_OPERANDS: usize = 8;
    pub(crate) const MOST_PARTS: usize = 4;
    /// The most vectors of sums in a tile that is summed in two parts.
    pub(crate) const MOST_SPLIT_VECTORS: usize = 6;
}

/// Sums of columns.
pub(crate) mod column_sums {
    /// Floats of a row that the pixels of a narrow view are taken together to.
    pub(crate) const NARROW_FLOATS: usize = 128;
    /// Rows whose columns are summed apart, before they are added to the sums of those before.
    pub(crate) const BLOCK_ROWS: usize = 256;
    /// The fewest floats worth a task of their own, and the fewest columns: four cache lines.
    pub(crate) const LEAST_TASK_FLOATS: usize = 8192;
    pub(crate) const TASK_CHANNELS: usize = 64;
    /// Floats that are added up while the first-level cache has them, where a ReLU's gradient was just written.
    pub(crate) const STRIP_FLOATS: usize = 2048;
}

/// Convolutions of a grey image along rows of pixels.
pub(crate) mod rows {
    /// The most output channels: with two vectors each, their sums stay in registers.
    pub(crate) const MOST_CHANNELS: usize = 8;
    /// Vectors of pixels in a tile.
    pub(crate) const TILE_VECTORS: usize = 2;
    /// The fewest multiply-adds worth a task of their own.
    pub(crate) const LEAST_TASK_PRODUCTS: usize = 1 << 15;
    /// The most tasks of a weight gradient, each with sums of its own: fixed, so that threads do not change the result.
    pub(crate) const GRADIENT_TASKS: usize = 16;
    /// Displacements of a row of pixels that are multiplied at a time.
    pub(crate) const TILE_SHIFTS: usize = 4;
}

/// First convolutions of images as they are given.
pub(crate) mod stem {
    /// The most channels of an image.
    pub(crate) const MOST_CHANNELS: usize = 4;
    /// The fewest columns of the output: half of the rows of the tallest tile.
    pub(crate) const LEAST_COLUMNS: usize = 6;
    /// The most floats of the rows of an image that a row of the output reads: they are to stay in the second-level cache.
    pub(crate) const MOST_KEPT_FLOATS: usize = 64 << 10;
    /// The fewest rows worth a task of their own.
    pub(crate) const LEAST_TASK_ROWS: usize = 4;
    /// Rows of K between two looks at whether it ends.
    pub(crate) const UNROLLED_ROWS: usize = 4;
    /// Cache lines that are asked for ahead between two such looks, for each vector of columns: what the next row reads of the images
    /// and writes.
    pub(crate) const AHEAD_LINES: usize = 3;
}

/// Gradients of an input with few channels.
pub(crate) mod scatter {
    /// The fewest images worth a task of their own.
    pub(crate) const LEAST_TASK_IMAGES: usize = 1;
}

/// Winograd's algorithm, its weight gradient and its weights.
pub(crate) mod winograd {
    /// Bytes of the transformed input of a block of tiles and of a panel's products that a block aims at, to stay in the second-level
    /// cache.
    pub(crate) const BLOCK_BYTES: usize = 384 << 10;
    /// Bytes of a block's products that are transformed before the next ones are computed, unless those of a panel are more.
    pub(crate) const PRODUCT_BYTES: usize = 256 << 10;
    /// Transformed weights from which on threads work on one block together, which aims at so many tiles, so that the weights come
    /// from memory once for all of them.
    pub(crate) const SHARED_WEIGHT_FLOATS: usize = 5 << 19;
    pub(crate) const SHARED_TILES: usize = 192;
    /// The most channels, or in a weight gradient tiles, whose products on 8×8 points are summed before they are added to others:
    /// roundings grow with them. Part of the results.
    pub(crate) const MOST_SUMMED_PRODUCTS: usize = 64;
    /// Tasks that threads should have, of groups of channels and parts of their tiles.
    pub(crate) const LEAST_TASKS_PER_THREAD: usize = 4;
    /// Tiles of the product that ask for weights alone: a block of a thread's own has more of them, which ask for the pixels of the next.
    pub(crate) const LEAST_BLOCK_PRODUCT_TILES: usize = 2;
    /// Pixels of the tiles whose moments are computed together, where they are wanted.
    pub(crate) const CHUNK_PIXELS: usize = 64;
    /// Cache lines of which no row of a tile is a multiple, since rows would share a few sets of the first-level cache.
    pub(crate) const SET_LINES: usize = 8;
    /// The fewest tiles, panels of points, channels and tiles of a panel's rows worth a task of their own.
    pub(crate) const LEAST_TASK_TILES: usize = 1;
    pub(crate) const LEAST_TASK_PANELS: usize = 1;
    pub(crate) const LEAST_TASK_CHANNELS: usize = 4;
    pub(crate) const LEAST_TASK_UNITS: usize = 1;
    /// Rows of a panel of matrices of kernels turned by a task: as many as the widest vector has lanes, or a multiple.
    pub(crate) const TURNED_ROWS: usize = 16;
    /// Tiles of a panel's rows whose sums for all points wait together for their transformation, some 400 KB with AVX-512.
    pub(crate) const UNITS_TOGETHER: usize = 8;
    /// Bytes of transformed tiles that a block of a weight gradient aims at; each point's part of it stays in the
    /// second-level cache.
    pub(crate) const GRADIENT_BLOCK_BYTES: usize = 4 << 20;
    /// The fewest points of all its tiles, the most tiles, and the tiles that are one block if there are no more.
    pub(crate) const LEAST_GRADIENT_POINTS: usize = 160 * 36;
    pub(crate) const MOST_GRADIENT_TILES: usize = 1024;
    pub(crate) const WHOLE_GRADIENT_TILES: usize = 160;
}

/// The backward pass of Linear.
pub(crate) mod linear {
    /// Rows of weights of a block: with a panel's columns they stay in the first-level cache.
    pub(crate) const BLOCK_ROWS: usize = 96;
    /// Blocks that a small matrix is cut in, however many threads there are: sums depend on the cut.
    pub(crate) const LEAST_BLOCKS: usize = 16;
    /// Bytes of weights and what moves with them from which on the next part is asked for while one is computed: they come from
    /// memory. What a third-level cache holds comes sooner unasked.
    pub(crate) const LEAST_AHEAD_BYTES: usize = 16 << 20;
}

/// Pooling.
pub(crate) mod pooling {
    /// The fewest rows of a map worth a task of their own.
    pub(crate) const LEAST_TASK_ROWS: usize = 1;
    /// Floats of the least part of a map whose mean is taken in parts, and the most parts; sums depend on the cut.
    pub(crate) const LEAST_PART_FLOATS: usize = 8192;
    pub(crate) const MOST_PARTS: usize = 8;
}

/// Mean and variance by channel.
pub(crate) mod moments {
    /// Pixels of a chunk; fixed, so that sums do not depend on threads.
    pub(crate) const CHUNK_PIXELS: usize = 64;
    /// Chunks, and channels, of a task.
    pub(crate) const TASK_CHUNKS: usize = 8;
    pub(crate) const TASK_CHANNELS: usize = 128;
    /// Rows, and vectors of channels, that are summed side by side.
    pub(crate) const SIDE_ROWS: usize = 4;
    pub(crate) const SIDE_VECTORS: usize = 2;
}

/// Batch normalization's gradients.
pub(crate) mod batch_norm {
    /// Pixels whose sums are computed together; fixed, so that sums do not depend on threads.
    pub(crate) const CHUNK_PIXELS: usize = 512;
    /// Channels of a task.
    pub(crate) const TASK_CHANNELS: usize = 256;
    /// The fewest floats of a map worth a task of their own.
    pub(crate) const LEAST_TASK_FLOATS: usize = 8192;
}

/// Element by element over views.
pub(crate) mod elementwise {
    /// The fewest floats worth a task of their own.
    pub(crate) const LEAST_TASK_FLOATS: usize = 8192;
}

/// Flat buffers: vector operations and updates.
pub(crate) mod flat {
    /// The fewest floats worth a task of their own.
    pub(crate) const LEAST_TASK_FLOATS: usize = 16_384;
    /// Floats whose squares are summed together; fixed, so that sums do not depend on threads.
    pub(crate) const BLOCK_FLOATS: usize = 4096;
    /// Sums that a block keeps side by side; fixed, so that they do not depend on the instruction set.
    pub(crate) const BLOCK_SUMS: usize = 16;
}

/// Pixel by pixel, with a loop over the channels of each: softmax, local response normalization, layouts.
pub(crate) mod pixels {
    /// The fewest pixels worth a task of their own, where each takes an exponential or a root for each channel.
    pub(crate) const LEAST_TASK_PIXELS: usize = 64;
    /// The fewest floats of pixels worth a task of their own, where they are copied.
    pub(crate) const LEAST_COPY_FLOATS: usize = 4096;
    /// The fewest rows of a map worth a task of their own, where they are copied.
    pub(crate) const LEAST_COPY_ROWS: usize = 8;
}
