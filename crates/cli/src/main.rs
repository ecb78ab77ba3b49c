//! The `sortie` program with the built-in tools alone.

use std::process::ExitCode;

/// Every step makes and frees some dozens of small things on whichever thread: see docs/adr.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sortie_cli::main_with(|_registry| Ok(()))
}
