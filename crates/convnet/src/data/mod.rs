//! Data sets: where they lie, how they become batches.
