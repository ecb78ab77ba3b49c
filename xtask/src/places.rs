//! Where things are: the root of the workspace and the folder of built things.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The folder with the programs of this build: this task stands there itself, wherever cargo's
/// settings put it.
pub(crate) fn programs() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe();
    let own = own.map_err(|error| Failure::File { path: "the task's own path".into(), error })?;
    Ok(own.parent().unwrap_or(&own).to_owned())
}

/// The Python environment of the tests, among the built things.
pub(crate) fn python() -> Result<PathBuf, Failure> {
    let programs = programs()?;
    Ok(programs.parent().unwrap_or(&programs).join("python"))
}
