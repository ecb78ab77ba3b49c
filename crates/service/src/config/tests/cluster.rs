//! The settings of a cluster's processes: where lists and addresses go, and what is refused.

use super::*;

fn refused(key: &'static str, text: &str) -> String {
    let sources = Sources { flags: vec![flag(key, "--it", text)], ..Sources::default() };
    sources.resolve().unwrap_err().to_string()
}

fn taken(key: &'static str, text: &str) -> ClusterSettings {
    let sources = Sources { flags: vec![flag(key, "--it", text)], ..Sources::default() };
    sources.resolve().unwrap().cluster
}

#[test]
fn lists_have_commas_in_variables_and_brackets_in_the_file() {
    let (_folder, path) = folder_with(
        "planner = [\"http://p1:1\", \"p2:1\"]\nqueues = \"builtin\"\nendpoint = [\"c1:1\"]\n",
    );
    let environment =
        variables(&[("SORTIE_ENDPOINT", "c2:1, http://c3:1"), ("SORTIE_GRACE", "5s")]);
    let settings = Sources { environment, file: Some(path), ..Sources::default() };
    let settings = settings.resolve().unwrap();
    assert_eq!(settings.cluster.planner.value, ["http://p1:1", "http://p2:1"]);
    assert_eq!(settings.cluster.queues.value, ["builtin"]);
    assert_eq!(
        settings.endpoint.value,
        ["http://c2:1", "http://c3:1"],
        "the stronger layer's alone"
    );
    assert_eq!(settings.cluster.grace.value, Duration::from_secs(5));
}

#[test]
fn each_service_listens_where_it_is_told() {
    let port = |text: &str| text.parse::<std::net::SocketAddr>().unwrap();
    let coordinator = taken("coordinator_listen", "0.0.0.0:1").coordinator_listen;
    assert_eq!(coordinator.value, port("0.0.0.0:1"));
    assert_eq!(taken("planner_listen", "[::1]:2").planner_listen.value, port("[::1]:2"));
    assert_eq!(taken("worker_listen", "off").worker_listen.value, None);
    assert_eq!(
        taken("worker_listen", "127.0.0.1:3").worker_listen.value,
        Some(port("127.0.0.1:3"))
    );
}

#[test]
fn what_cannot_be_meant_is_refused_in_words() {
    for (key, text, wanted) in [
        ("redis", "127.0.0.1:6379", "must look like redis://127.0.0.1:6379"),
        ("redis", "redis://", "must look like redis://"),
        ("redis", "redis://me@", "must look like redis://"),
        ("redis", "redis+unix://", "must look like redis://"),
        ("durability", "safe", "is `safe`, must be standard or dev"),
        ("planner", "http://a:1,,http://b:1", "has an empty part"),
        ("planner", "https://a:1", "TLS is not supported yet"),
        ("queues", " ", "is empty"),
        ("worker_listen", "never", "is `never`, must look like"),
        ("grace", "2h", "must be at most 1h"),
        ("max_open_runs", "0", "must be a whole number between 1 and"),
    ] {
        let told = refused(key, text);
        assert!(told.contains(wanted), "{key} {text}: {told}");
    }
    let (_folder, path) = folder_with("queues = [1]\nplanner = []\n");
    let sources = Sources { file: Some(path), ..Sources::default() };
    let told = sources.resolve().unwrap_err().to_string();
    assert!(
        told.contains("`queues` is a list of other things, must be a list of strings"),
        "{told}"
    );
    assert!(told.contains("`planner` is empty"), "{told}");
}

#[test]
fn a_password_is_never_shown() {
    for (url, shown) in [
        ("redis://:secret@host:1/2", "redis://***@host:1/2"),
        ("rediss://me:se@cret@host", "rediss://***@host"),
        ("redis://host:1?password=secret", "redis://host:1"),
        ("redis+unix:///run/redis?pass=secret", "redis+unix:///run/redis"),
    ] {
        let redis = taken("redis", url).redis;
        assert_eq!(redis.value.to_string(), shown);
        assert!(!format!("{redis:?}").contains("cret"), "{redis:?}");
        assert_eq!(redis.value.expose(), url);
    }
    assert!(!refused("redis", "http://:secret@host").contains("secret"));
}
