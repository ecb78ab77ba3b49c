//! Packages of Debian and its relatives, for what no registry of a language has.

use crate::failure::Failure;
use crate::program::{self, answers, command, output};

/// Installs packages where that is possible: as root, with apt-get. Says so, for it changes the
/// machine. `remedy` tells what to do where it is not possible.
pub(crate) fn install(
    packages: &[&str],
    what: &'static str,
    remedy: &'static str,
) -> Result<(), Failure> {
    let root = output(&mut command("id", &["-u"])).is_some_and(|id| id.trim() == "0");
    if !root || !answers(&mut command("apt-get", &["--version"])) {
        return Err(Failure::Missing { what, remedy });
    }
    println!("{what} is missing: installing {} with apt-get", packages.join(" "));
    program::run(&mut apt_get(&["update", "-qq"]))?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    program::run(&mut apt_get(&[&install, packages].concat()))
}

fn apt_get(arguments: &[&str]) -> std::process::Command {
    let mut command = command("apt-get", arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
