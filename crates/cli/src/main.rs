//! The `sortie` program with the built-in tools alone.

use std::process::ExitCode;

fn main() -> ExitCode {
    sortie_cli::main_with(|_registry| Ok(()))
}
