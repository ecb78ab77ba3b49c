//! The Python client's environment and test: what a user of another language meets.
//!
//! The environment stands among the built things, with the versions of
//! `tests/python/requirements.txt`, and is made again when they change.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::program::{self, answers, command};
use crate::{apt, places};

const REQUIREMENTS: &str = "tests/python/requirements.txt";

/// Makes the environment, unless it is there.
pub(super) fn prepare() -> Result<(), Failure> {
    let folder = places::python()?;
    let wanted = read(&places::root().join(REQUIREMENTS))?;
    let stamp = folder.join("made-of.txt");
    if fs::read_to_string(&stamp).is_ok_and(|made_of| made_of == wanted) && works(&folder) {
        println!("{} is up to date", folder.display());
        return Ok(());
    }
    println!("installing {REQUIREMENTS} into {}", folder.display());
    if !make(&folder) {
        let remedy = "install Python 3 with its module venv (Debian: apt-get install python3-venv)";
        apt::install(&["python3", "python3-venv"], "Python with venv", remedy)?;
        program::run(&mut venv(&folder))?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    program::run(command(interpreter(&folder), &install).arg(REQUIREMENTS))?;
    fs::write(&stamp, wanted).map_err(|error| Failure::File { path: stamp, error })
}

/// The test against the program that stands beside this task.
pub(super) fn client_test() -> Result<Command, Failure> {
    let name = format!("sortie{}", std::env::consts::EXE_SUFFIX);
    let mut test =
        command(interpreter(&places::python()?), &["-B", "tests/python/client_test.py", "-v"]);
    test.env("SORTIE_PROGRAM", places::programs()?.join(name));
    Ok(test)
}

fn venv(folder: &Path) -> Command {
    let mut make = command("python3", &["-m", "venv", "--clear"]);
    make.arg(folder);
    make
}

/// Debian's Python has the module without the pip that it needs, so only trying tells.
fn make(folder: &Path) -> bool {
    answers(&mut venv(folder)) && works(folder)
}

fn works(folder: &Path) -> bool {
    answers(&mut command(interpreter(folder), &["-m", "pip", "--version"]))
}

fn interpreter(folder: &Path) -> std::path::PathBuf {
    let place = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    folder.join(place)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::File { path: path.to_owned(), error })
}
