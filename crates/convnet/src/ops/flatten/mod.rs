//! C × H × W to a vector, in that order.
