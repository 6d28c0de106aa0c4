//! Seeded simulation of the kernel, invariant checkers and benchmarks (pure).
