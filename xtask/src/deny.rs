//! `cargo xtask deny`: the dependencies against `deny.toml`, for every platform.
//!
//! The tests hold the same lists against the dependencies of this platform (`tests/tests/
//! dependencies`), so this is for the release and for whoever changes a dependency.

use crate::failure::Failure;
use crate::program::{self, answers, cargo};

pub(crate) fn run() -> Result<(), Failure> {
    if !answers(&mut cargo(&["deny", "--version"])) {
        let remedy = "cargo install cargo-deny --locked";
        return Err(Failure::Missing { what: "cargo-deny", remedy });
    }
    program::run(&mut cargo(&["deny", "--all-features", "check", "licenses", "bans", "sources"]))
}
