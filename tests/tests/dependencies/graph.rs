//! What `cargo metadata` says about the packages that this platform's build uses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Every package that the workspace is built from, with all its features.
pub(crate) struct Graph {
    pub(crate) packages: Vec<Package>,
}

/// A package of the graph.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    /// Where it comes from; nothing for what stands here.
    pub(crate) source: Option<String>,
    is_member: bool,
    uses: BTreeSet<String>,
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

impl Graph {
    /// Asks cargo. What this platform does not build is left out, for it may not be downloaded.
    pub(crate) fn load() -> Self {
        let version = String::from_utf8(run(command("RUSTC", "rustc").arg("-vV"))).unwrap();
        let platform = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let mut cargo = command("CARGO", "cargo");
        cargo.args(["metadata", "--format-version=1", "--locked", "--all-features"]);
        let said = run(cargo.args(["--filter-platform", platform]));
        let metadata: Value = serde_json::from_slice(&said).unwrap();
        let members = metadata["workspace_members"].as_array().unwrap();
        let package = |package: &Value| Package::read(package, members.contains(&package["id"]));
        let built = built();
        let packages = metadata["packages"].as_array().unwrap().iter().map(package);
        let packages: Vec<_> =
            packages.filter(|it| built.contains(&(it.name.clone(), it.version.clone()))).collect();
        assert!(packages.len() > members.len(), "cargo names no package from outside");
        Self { packages }
    }

    /// The members of the workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_member)
    }
}

impl Package {
    fn read(package: &Value, is_member: bool) -> Self {
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        // Its own tests may use what they like.
        let used = dependencies.filter(|dependency| dependency["kind"] != "dev");
        Self {
            name: text("name").unwrap(),
            version: text("version").unwrap(),
            licence: text("license"),
            source: text("source"),
            is_member,
            uses: used.map(|used| used["name"].as_str().unwrap().to_owned()).collect(),
        }
    }

    /// What its manifest names, for the program or for building it.
    pub(crate) fn uses(&self) -> impl Iterator<Item = &str> {
        self.uses.iter().map(String::as_str)
    }
}

/// Name and version of every package that is built. `cargo metadata` also names those that a
/// feature would only bring if something else did.
fn built() -> BTreeSet<(String, String)> {
    let mut cargo = command("CARGO", "cargo");
    cargo.args(["tree", "--workspace", "--all-features", "--locked", "--prefix=none"]);
    let said = String::from_utf8(run(&mut cargo)).unwrap();
    let package = |line: &str| {
        let mut words = line.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        Some((name.to_owned(), version.to_owned()))
    };
    said.lines().filter_map(package).collect()
}

fn command(variable: &str, name: &str) -> Command {
    let mut command = Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()));
    command.current_dir(root());
    command
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
