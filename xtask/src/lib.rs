//! Project tasks: cargo xtask test, cargo xtask simulate.
