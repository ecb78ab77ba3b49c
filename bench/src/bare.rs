//! The limit: the same graphs in bare tokio. A task for each step, a count of what it waits for,
//! a payload handed on. Nothing is kept, checked, retried or told to anyone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::shape::{PAYLOAD, Shape};

struct Run {
    shape: Shape,
    dependents: Vec<Vec<usize>>,
    unmet: Vec<AtomicUsize>,
    open: AtomicUsize,
    ended: mpsc::Sender<()>,
}

/// Runs the graph `runs` times, `in_flight` at once.
pub(crate) async fn run_many(shape: &Shape, runs: usize, in_flight: usize) -> anyhow::Result<()> {
    let places = Arc::new(Semaphore::new(in_flight));
    let (ended, mut ends) = mpsc::channel(in_flight);
    let release = places.clone();
    let counting = tokio::spawn(async move {
        for _ in 0..runs {
            ends.recv().await;
            release.add_permits(1);
        }
    });
    for _ in 0..runs {
        places.acquire().await?.forget();
        start(shape, ended.clone());
    }
    counting.await?;
    Ok(())
}

fn start(shape: &Shape, ended: mpsc::Sender<()>) {
    let mut dependents = vec![Vec::new(); shape.steps()];
    for (step, waits_for) in shape.waits_for.iter().enumerate() {
        for other in waits_for {
            dependents[*other].push(step);
        }
    }
    let unmet = shape.waits_for.iter().map(|list| AtomicUsize::new(list.len())).collect();
    let open = AtomicUsize::new(shape.steps());
    let run = Arc::new(Run { shape: shape.clone(), dependents, unmet, open, ended });
    let text = json!("x".repeat(PAYLOAD));
    for step in (0..run.shape.steps()).filter(|step| run.shape.waits_for[*step].is_empty()) {
        spawn(run.clone(), step, text.clone());
    }
}

fn spawn(run: Arc<Run>, step: usize, input: Value) {
    tokio::spawn(async move {
        let output = echo(input).await;
        for next in &run.dependents[step] {
            if run.unmet[*next].fetch_sub(1, Ordering::AcqRel) == 1 {
                spawn(run.clone(), *next, output.clone());
            }
        }
        if run.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Whoever counts is gone only when everything has ended.
            let _ = run.ended.send(()).await;
        }
    });
}

async fn echo(input: Value) -> Value {
    std::future::ready(input).await
}
