// What changes from step to step, in memory.
struct Clock { u64 seed, steps, key; float rate, product; u64 first; };
