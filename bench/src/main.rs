//! How much the embedded cluster costs, beside a bare tokio loop that runs the same graphs with
//! nothing kept and nothing checked, in the same process.
//!
//! ```text
//! cargo run --release -p sortie-bench            # about half a minute
//! cargo run --release -p sortie-bench -- --runs 2000
//! ```
//!
//! The planner is scripted in the process, there is no gRPC and nobody watches; each step returns
//! 300 bytes. Every figure is taken after a warm-up that is not counted; the two sides take turns,
//! so that a machine that is busy for a while is busy for both. Quote the ratios.
#![allow(clippy::print_stdout)] // it is what this program is for

/// The same as in the `sortie` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod bare;
mod cluster;
mod shape;

use std::time::{Duration, Instant};

use cluster::Cluster;
use shape::Shape;

/// Runs in flight in the throughput figure.
const IN_FLIGHT: usize = 200;
/// Each side of each figure is measured so often; the best is quoted, the others show the noise.
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let runs = wanted_runs()?;
    println!("{:<34} {:>14} {:>14} {:>8}", "", "embedded", "bare tokio", "ratio");
    throughput(runs).await?;
    chain(50, 200).await?;
    parallel(1_000, 30).await?;
    Ok(())
}

/// `--runs N`, or the usual number.
fn wanted_runs() -> anyhow::Result<usize> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(20_000),
        (Some("--runs"), Some(number)) => Ok(number.parse()?),
        _ => anyhow::bail!("usage: sortie-bench [--runs N]"),
    }
}

/// Many runs of root, eight in parallel, join.
async fn throughput(runs: usize) -> anyhow::Result<()> {
    let shape = Shape::fan(8);
    let steps = runs * shape.steps();
    let cluster = Cluster::start(shape.clone()).await?;
    cluster.run_many(runs / 10 + 1, IN_FLIGHT).await?;
    bare::run_many(&shape, runs / 10 + 1, IN_FLIGHT).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        cluster.run_many(runs, IN_FLIGHT).await?;
        ours.push(per_second(steps, begun.elapsed()));
        let begun = Instant::now();
        bare::run_many(&shape, runs, IN_FLIGHT).await?;
        bare.push(per_second(steps, begun.elapsed()));
    }
    cluster.stop().await?;
    let name = format!("{runs} x root, 8, join: steps/s");
    report(&name, most(&ours), most(&bare), 0, &ours);
    Ok(())
}

/// One run after another, each a chain: what one hop costs.
async fn chain(length: usize, runs: usize) -> anyhow::Result<()> {
    let (ours, bare) = one_by_one(&Shape::chain(length), runs).await?;
    let hop = |run: &f64| run / length as f64;
    let ours: Vec<_> = ours.iter().map(hop).collect();
    let bare: Vec<_> = bare.iter().map(hop).collect();
    report(&format!("chain of {length}: ms a hop"), least(&ours), least(&bare), 4, &ours);
    Ok(())
}

/// One run after another, each of many steps at once.
async fn parallel(width: usize, runs: usize) -> anyhow::Result<()> {
    let (ours, bare) = one_by_one(&Shape::wide(width), runs).await?;
    report(&format!("{width} in parallel: ms"), least(&ours), least(&bare), 2, &ours);
    Ok(())
}

/// Milliseconds of a run, from its submission to its answer call, for each round and side.
async fn one_by_one(shape: &Shape, runs: usize) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let cluster = Cluster::start(shape.clone()).await?;
    cluster.run_many(runs / 10 + 1, 1).await?;
    bare::run_many(shape, runs / 10 + 1, 1).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        cluster.run_many(runs, 1).await?;
        ours.push(millis(begun.elapsed()) / runs as f64);
        let begun = Instant::now();
        bare::run_many(shape, runs, 1).await?;
        bare.push(millis(begun.elapsed()) / runs as f64);
    }
    cluster.stop().await?;
    Ok((ours, bare))
}

fn report(name: &str, ours: f64, bare: f64, digits: usize, rounds: &[f64]) {
    let rounds: Vec<_> = rounds.iter().map(|value| format!("{value:.digits$}")).collect();
    let ratio = ours / bare;
    println!(
        "{name:<34} {ours:>14.digits$} {bare:>14.digits$} {ratio:>8.2}   rounds: {}",
        rounds.join(" ")
    );
}

fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::MIN, f64::max)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::MAX, f64::min)
}
