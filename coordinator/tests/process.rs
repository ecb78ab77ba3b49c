//! The program of the coordinator where there is no Redis, or none that lets it in.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

#[path = "../../crates/cli/tests/cli/process.rs"]
mod process;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};

use process::{Server, finish, program};
use sortie_proto::v1;
use sortie_proto::v1::coordinator_client::CoordinatorClient;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

const COORDINATOR: &str = env!("CARGO_BIN_EXE_sortie-coordinator");

/// Where nobody listens: the port was there a moment ago.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Like a Redis whose password is another one.
fn refuses_everybody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let connection = connection.unwrap();
            let mut answers = connection.try_clone().unwrap();
            std::thread::spawn(move || {
                // A command is an array: `*2`, and then two lines for each of its words.
                for line in BufReader::new(connection).lines().map_while(Result::ok) {
                    if line.starts_with('*') {
                        answers.write_all(b"-WRONGPASS invalid username-password pair\r\n").ok();
                    }
                }
            });
        }
    });
    address
}

async fn status(channel: &Channel, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner().status()
}

// With a thread of its own, the connection hears that the server ends while the test waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_redis_it_waits_says_so_and_is_not_ready() {
    let redis = format!("redis://:hunter2@{}", nobody());
    let mut server = Server::with(&mut program(COORDINATOR, &["--redis", &redis]));
    server.running.error_line("waiting for the store");
    let channel = Endpoint::from_shared(server.url.clone()).unwrap().connect_lazy();
    assert_eq!(status(&channel, "liveness").await, ServingStatus::Serving);
    for service in ["", "readiness", "sortie.v1.Coordinator"] {
        assert_eq!(status(&channel, service).await, ServingStatus::NotServing, "{service:?}");
    }
    let request = v1::SubmitGoalRequest { goal: "why?".to_owned(), ..Default::default() };
    let refused = CoordinatorClient::new(channel).submit_goal(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.get_details_retry_info().is_some(), "{refused:?}");
    server.running.terminate();
    let done = server.running.finish();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
}

#[test]
fn a_redis_that_lets_nobody_in_ends_it_with_a_message() {
    let redis = format!("redis://:hunter2@{}", refuses_everybody());
    let mut command = program(COORDINATOR, &["--listen", "127.0.0.1:0", "--redis", &redis]);
    let done = finish(&mut command);
    assert_eq!(done.code, Some(2), "{done:?}");
    let last = done.stderr.lines().last().unwrap();
    assert!(last.starts_with("error: ") && last.contains("refuses the password"), "{last}");
    assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
}

#[test]
fn a_planner_without_an_address_is_refused() {
    let arguments = ["--listen", "127.0.0.1:0", "--planner", "http://one two"];
    let done = finish(&mut program(COORDINATOR, &arguments));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("`http://one two` is no address of a planner"), "{done:?}");
}
