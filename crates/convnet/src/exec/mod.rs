//! Running graphs on the CPU.
