//! `cargo xtask test`: everything that must hold before a change lands, cheapest first.
//!
//! It stops at the first step that fails and names it. The last line counts the tests of all
//! runners together.

mod python;
pub(crate) mod redis;
mod totals;

use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::program::{self, answers, cargo};
use totals::Totals;

pub(crate) fn run() -> Result<(), Failure> {
    let mut report = Report::default();
    let ended = all_steps(&mut report);
    report.print();
    ended
}

fn all_steps(report: &mut Report) -> Result<(), Failure> {
    components()?;
    let workspace = ["--workspace", "--all-features"];
    let cargo_with = |command, more: &[&str]| cargo(&[&[command][..], &workspace, more].concat());
    report.timed("redis-server", |_| redis::prepare())?;
    report.step("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    let strict = ["--all-targets", "--", "-D", "warnings"];
    report.step("clippy", &mut cargo_with("clippy", &strict))?;
    let mut docs = cargo_with("doc", &["--no-deps"]);
    report.step("docs", docs.env("RUSTDOCFLAGS", "-D warnings"))?;
    // All that the tests need, the program for the Python client included: apart from the tests, so
    // that each has its own time.
    report.step("build", &mut cargo_with("build", &["--bins", "--tests", "--examples"]))?;
    if answers(&mut cargo(&["nextest", "--version"])) {
        let all = [&["nextest", "run"][..], &workspace, &["--no-fail-fast"]].concat();
        report.step("tests", &mut cargo(&all))?;
    } else {
        let all = ["--lib", "--bins", "--tests", "--examples", "--no-fail-fast"];
        report.step("tests", &mut cargo_with("test", &all))?;
    }
    report.step("doc tests", &mut cargo_with("test", &["--doc", "--no-fail-fast"]))?;
    report.timed("Python environment", |_| python::prepare())?;
    report.step("Python client", &mut python::client_test()?)
}

/// What comes with a toolchain, but not with every one.
fn components() -> Result<(), Failure> {
    for (command, what, remedy) in [
        ("fmt", "rustfmt", "rustup component add rustfmt"),
        ("clippy", "clippy", "rustup component add clippy"),
    ] {
        if !answers(&mut cargo(&[command, "--version"])) {
            return Err(Failure::Missing { what, remedy });
        }
    }
    Ok(())
}

/// What was done so far.
#[derive(Debug, Default)]
struct Report {
    steps: Vec<(&'static str, Duration)>,
    totals: Totals,
}

impl Report {
    /// Runs a program as a step and counts the tests that it reports.
    fn step(&mut self, name: &'static str, command: &mut Command) -> Result<(), Failure> {
        self.timed(name, |totals| {
            println!("{}", program::line(command));
            program::overhear(command, |line| totals.hear(line))
        })
    }

    fn timed(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&mut Totals) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        println!("\n=== {name}");
        let begun = Instant::now();
        let ended = work(&mut self.totals);
        let took = begun.elapsed();
        self.steps.push((name, took));
        println!("=== {name}: {:.1} s", took.as_secs_f64());
        ended.map_err(|cause| Failure::Step { name, cause: Box::new(cause) })
    }

    fn print(&self) {
        println!("\n=== summary");
        for (name, took) in &self.steps {
            println!("{name:<20}{:>7.1} s", took.as_secs_f64());
        }
        if self.totals.any() {
            println!("{}", self.totals);
        }
    }
}
