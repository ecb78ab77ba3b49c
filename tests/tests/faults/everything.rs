//! What happens when everything dies at once, and that nothing is left when nothing dies.

use redis::Commands as _;
use sortie_tests::chaos::{
    CommitCounts, Evidence, Graph, Harm, Kind, Mix, Node, PATIENCE, RedisServer, Stage, wait_until,
};

use crate::options;

#[tokio::test(flavor = "multi_thread")]
async fn all_processes_killed_at_once_go_on_where_they_were() {
    let mut stage = Stage::open(options()).await;
    for number in 0..12 {
        let node = |step: u32| {
            let after: Vec<_> = (step > 2).then(|| step - 2).into_iter().collect();
            Node::new(step, Kind::Pure, 60, &after)
        };
        stage.submit(Graph::new(&format!("e{number}"), (1..=40).map(node).collect()));
    }
    stage.began("e11", None).await;
    let fault = stage.strike(Harm::AllKilled, &[]);
    stage.cluster.restart_all().await;
    stage.healed(fault);
    stage.verdict().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_faults_nothing_is_repeated_repaired_or_left_over() {
    let mut stage = Stage::open(options()).await;
    let counts = CommitCounts::begin(&stage.cluster.redis);
    let mut rng = fastrand::Rng::with_seed(7);
    for number in 0..150 {
        let mix = Mix { slow_ms: 400, ..Mix::default() };
        stage.submit(Graph::draw(&format!("q{number}"), mix, &mut rng));
    }
    let (evidence, cluster) = stage.verdict().await;
    assert_eq!(repeated(&evidence), 0, "attempts that ran twice");
    let (commits, conflicts) = counts.read(&cluster.redis);
    println!("{conflicts} conflicts beside {commits} commits");
    assert!(commits > 1_000 && conflicts * 1_000 <= commits, "{conflicts} beside {commits}");
    let repairs: Vec<_> = cluster
        .places
        .iter()
        .flat_map(|place| place.process().lines())
        .filter(|line| line.contains("the sweep found"))
        .collect();
    assert!(repairs.is_empty(), "{repairs:?}");
    wait_until("nothing to be left over", PATIENCE, async || left(&cluster.redis).is_empty()).await;
}

/// Executions beyond the first of an attempt.
fn repeated(evidence: &Evidence) -> usize {
    use sortie_tests::chaos::ledger::Fact;
    let began = evidence.ledger.iter().filter(|entry| entry.fact == Fact::Began);
    let mut tries: Vec<_> = began.map(|one| (&one.run, one.step, one.attempt)).collect();
    let all = tries.len();
    tries.sort_unstable();
    tries.dedup();
    all - tries.len()
}

/// What is in Redis that belongs to no run that has ended.
fn left(redis: &RedisServer) -> Vec<String> {
    let mut connection = redis.connect().unwrap();
    let keys: Vec<String> = connection.keys("{s0}:*").unwrap();
    let mut left = Vec::new();
    for key in keys {
        let name = key.trim_start_matches("{s0}:").to_owned();
        let kind = name.split(':').next().unwrap_or_default().to_owned();
        let count: u64 = match kind.as_str() {
            "ready" | "inbox" | "dead" => connection.xlen(&key).unwrap(),
            "timers" => connection.zcard(&key).unwrap(),
            "calls" => connection.scard(&key).unwrap(),
            // A large result that no run keeps would expire.
            "result" => u64::from(connection.ttl::<_, i64>(&key).unwrap() > 0),
            _ => 0,
        };
        if count > 0 {
            left.push(format!("{name}: {count}"));
        }
        if kind == "ready" {
            let pending: Vec<redis::Value> =
                redis::cmd("XINFO").arg("GROUPS").arg(&key).query(&mut connection).unwrap();
            let text = format!("{pending:?}");
            if !text.contains("bulk-string('\"pending\"'), int(0)") {
                left.push(format!("{name}: pending {text}"));
            }
        }
    }
    left
}
