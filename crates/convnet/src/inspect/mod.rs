//! Readings of a graph without weights: listing, cost, receptive field, memory, differences.
