//! Benchmarks of the embedded cluster against a bare tokio loop.
