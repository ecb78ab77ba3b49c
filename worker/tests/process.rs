//! The program of the worker where there is no Redis.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

#[path = "../../crates/cli/tests/cli/process.rs"]
mod process;

use std::net::TcpListener;

use process::{Running, Server, finish, program};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const WORKER: &str = env!("CARGO_BIN_EXE_sortie-worker");

/// Where nobody listens: the port was there a moment ago.
fn nobody() -> String {
    format!("redis://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

// With a thread of its own, the connection hears that the server ends while the test waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_redis_it_waits_says_so_and_is_not_ready() {
    let mut server = Server::with(&mut program(WORKER, &["--redis", &nobody()]));
    server.running.error_line("waiting for the store");
    let channel = Endpoint::from_shared(server.url.clone()).unwrap().connect_lazy();
    let mut health = HealthClient::new(channel);
    for (service, wanted) in
        [("liveness", ServingStatus::Serving), ("readiness", ServingStatus::NotServing)]
    {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = health.check(request).await.unwrap().into_inner().status();
        assert_eq!(status, wanted, "{service}");
    }
    server.running.terminate();
    assert_eq!(server.running.finish().code, Some(0));
}

#[test]
fn without_a_word_it_has_no_port_so_that_many_stand_on_one_machine() {
    let redis = nobody();
    let mut workers: Vec<_> =
        (0..2).map(|_| Running::start(&mut program(WORKER, &["--redis", &redis]))).collect();
    for worker in &mut workers {
        worker.error_line("waiting for the store");
    }
    for worker in workers {
        worker.terminate();
        let done = worker.finish();
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(!done.stderr.contains("listening"), "{}", done.stderr);
    }
}

#[test]
fn a_queue_that_no_tool_waits_in_is_refused_with_those_that_there_are() {
    let done = finish(&mut program(WORKER, &["--queues", "builtin,mcp", "--redis", &nobody()]));
    assert_eq!(done.code, Some(2), "{done:?}");
    let wanted = "--queues: no tool of this worker waits in mcp; its tools wait in builtin";
    assert!(done.stderr.contains(wanted), "{}", done.stderr);
}
