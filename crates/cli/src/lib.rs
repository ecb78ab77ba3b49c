//! The sortie program: an embedded cluster and the client of a remote one.
//!
//! ```text
//! arguments ─► settings ─► cluster (remote, or embedded) ─► command
//!                                                             │ run, watch
//!                     WatchRun ─► watch ─► view (a pure fold) ─► render: live, plain or json
//! ```
//!
//! The answer goes to stdout, everything else to stderr. Nothing that a plan, a document or a
//! model wrote reaches a terminal before `text` has made it harmless.
//!
//! A program of your own with tools of your own is this function and a registry:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     sortie_cli::main_with(|registry| {
//!         // registry.register(MyTool)?;
//!         let _ = registry;
//!         Ok(())
//!     })
//! }
//! ```

mod app;
mod arguments;
mod cluster;
mod commands;
mod embedded;
mod error;
mod exit;
mod json;
mod models;
mod output;
mod render;
mod text;
mod view;
mod watch;

use std::process::ExitCode;

use sortie_worker::{Registry, RegistryError};

use crate::arguments::Arguments;

/// The whole program: reads the command line, does what it says, and returns its exit code.
///
/// `add_tools` puts a program's own tools beside the built-in ones of the embedded cluster. It is
/// not called where a remote cluster does the work.
pub fn main_with<F>(add_tools: F) -> ExitCode
where
    F: FnOnce(&mut Registry) -> Result<(), RegistryError> + Send + 'static,
{
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(usage) => return usage.report().into(),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return error::Error::from(error).report(arguments.json()).into(),
    };
    let exit = runtime.block_on(app::run(arguments, Box::new(add_tools)));
    runtime.shutdown_background();
    exit.into()
}
