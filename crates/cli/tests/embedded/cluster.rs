//! A cluster of real processes over a real Redis: the commands of the README, and what `doctor` says of
//! that Redis. What becomes of it under faults is the fault suite's to find out.

use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{Finished, Running, Server, finish};
use crate::sortie;

/// How long a Redis may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// A Redis of the test's own, on a socket in a folder of its own.
struct Redis {
    _running: Running,
    folder: TempDir,
}

impl Redis {
    /// With an append-only file that is written before each answer, and with these settings.
    fn start(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(folder.path().join("socket"));
        command.args(["--maxmemory-policy", "noeviction", "--appendonly", "yes"]);
        command.args(["--appendfsync", "always", "--dir"]).arg(folder.path()).args(settings);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let redis = Self { _running: Running::start(&mut command), folder };
        let begun = Instant::now();
        while UnixStream::connect(redis.folder.path().join("socket")).is_err() {
            assert!(begun.elapsed() < PATIENCE, "redis-server did not start");
            std::thread::yield_now();
        }
        redis
    }

    fn url(&self) -> String {
        format!("redis+unix://{}", self.folder.path().join("socket").display())
    }
}

struct Cluster {
    planners: Vec<Server>,
    coordinators: Vec<Server>,
    workers: Vec<Running>,
}

impl Cluster {
    /// Two of each.
    fn start(redis: &str) -> Self {
        let planners: Vec<_> = (0..2).map(|_| Server::with(&mut sortie(&["planner"]))).collect();
        let coordinator = |_| {
            let mut command = sortie(&["coordinator", "--redis", redis]);
            for planner in &planners {
                command.args(["--planner", &planner.url]);
            }
            let mut server = Server::with(&mut command);
            server.running.error_line("driving");
            server
        };
        let mut coordinators: Vec<_> = (0..2).map(coordinator).collect();
        let arguments = ["worker", "--redis", redis, "--queues", "builtin", "--concurrency", "4"];
        let workers = (0..2).map(|_| Running::start(&mut sortie(&arguments))).collect();
        for server in &mut coordinators {
            server.running.error_line("the tools on offer have changed");
        }
        Self { planners, coordinators, workers }
    }

    fn endpoints(&self) -> String {
        let urls: Vec<_> = self.coordinators.iter().map(|server| server.url.as_str()).collect();
        urls.join(",")
    }
}

fn at(endpoints: &str, arguments: &[&str]) -> Finished {
    finish(sortie(arguments).env("SORTIE_ENDPOINT", endpoints))
}

fn ends_well(running: Running) {
    running.terminate();
    let done = running.finish();
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""), "{done:?}");
}

#[test]
fn processes_over_one_redis_answer_goals_also_when_one_of_each_has_ended() {
    let redis = Redis::start(&[]);
    let mut cluster = Cluster::start(&redis.url());
    let endpoints = cluster.endpoints();
    let done = at(&endpoints, &["run", "What is 15% of 240, plus 12.5?"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("**48.5**"), "{}", done.stdout);
    ends_well(cluster.coordinators.remove(0).running);
    ends_well(cluster.planners.remove(0).running);
    ends_well(cluster.workers.remove(0));
    let done = at(&endpoints, &["run", "What is 6 * 7?"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("**42**"), "{}", done.stdout);
    let listed = at(&endpoints, &["list", "--json"]);
    assert_eq!(listed.json().len(), 2, "{listed:?}");
}

#[test]
fn a_plan_alone_is_asked_of_a_planner_that_is_named() {
    let redis = Redis::start(&[]);
    let cluster = Cluster::start(&redis.url());
    let endpoints = cluster.endpoints();
    let planner = &cluster.planners[0].url;
    let plan = at(&endpoints, &["plan", "What is 6 * 7?", "--planner", planner, "--json"]);
    assert_eq!(plan.json()[0]["steps"].as_array().unwrap().len(), 1, "{plan:?}");
    // The tools of the cluster inside the process, and the planner that is named.
    let mixed = finish(&mut sortie(&["plan", "What is 6 * 7?", "--planner", planner, "--json"]));
    assert_eq!(mixed.json()[0]["steps"], plan.json()[0]["steps"], "{mixed:?}");
    let gone = ["plan", "What is 6 * 7?", "--planner", "http://127.0.0.1:1"];
    assert_eq!(finish(&mut sortie(&gone)).code, Some(3));
    let refused = at(&endpoints, &["plan", "What is 6 * 7?"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("name one with --planner URL"), "{}", refused.stderr);
}

#[test]
fn a_fit_redis_is_well_and_an_unfit_one_is_told_with_what_to_change() {
    let doctor = |redis: &Redis, more: &[&str]| {
        let url = redis.url();
        finish(sortie(&["doctor", "--no-calls", "--redis", &url]).args(more))
    };
    let fit = doctor(&Redis::start(&["--maxmemory", "1gb"]), &[]);
    assert_eq!(fit.code, Some(0), "{fit:?}");
    for wanted in ["version", "persistence", "eviction", "memory", "functions", "all is well"] {
        assert!(fit.stdout.contains(wanted), "missing {wanted} in\n{}", fit.stdout);
    }
    let unfit = Redis::start(&["--appendonly", "no"]);
    let told = doctor(&unfit, &[]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stdout.contains("set `appendonly yes`"), "{}", told.stdout);
    assert_eq!(doctor(&unfit, &["--durability", "dev"]).code, Some(0));
    let report = doctor(&unfit, &["--json"]).json().remove(0);
    let findings = report["redis"]["findings"].as_array().unwrap();
    let bad: Vec<_> = findings.iter().filter(|one| one["verdict"] == "bad").collect();
    assert_eq!((bad.len(), &bad[0]["name"]), (1, &"persistence".into()), "{report}");
}
