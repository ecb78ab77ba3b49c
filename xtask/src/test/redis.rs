//! The `redis-server` that the tests of the cluster start, each one of its own.

use crate::apt;
use crate::failure::Failure;
use crate::program::{command, output};

/// Installs it, unless it is there.
pub(crate) fn prepare() -> Result<(), Failure> {
    let version = || output(&mut command("redis-server", &["--version"]));
    if version().is_none() {
        let remedy = "install Redis 7 (Debian: apt-get install redis-server)";
        apt::install(&["redis-server"], "redis-server", remedy)?;
    }
    print!("{}", version().unwrap_or_default());
    Ok(())
}
