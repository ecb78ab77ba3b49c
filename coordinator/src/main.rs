//! The coordinator as a program of its own: what `sortie coordinator` is, and nothing else.

use std::process::ExitCode;

/// The same as in `sortie`: see docs/adr.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sortie_coordinator::process::main()
}
