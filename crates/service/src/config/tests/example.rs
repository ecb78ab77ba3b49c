//! The configuration file that people copy, `deploy/sortie.toml`: complete, and true.

use super::*;
use crate::config::file;
use crate::config::keys::KEYS;

fn example() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join("deploy").join("sortie.toml")).unwrap()
}

/// The same with the settings that have no default: `#key = value`, without a space.
fn with_examples(text: &str) -> String {
    let setting = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && *line != "#";
    let examples = text.lines().filter(setting).count();
    assert_eq!(examples, 19, "endpoint, docs, queues, 12 of models, 2 of files, log, step_timeout");
    let line = |line| if setting(&line) { &line[1..] } else { line };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn resolve(text: &str) -> Settings {
    let (_folder, path) = folder_with(text);
    let resolved = Sources { file: Some(path), ..Sources::default() }.resolve();
    resolved.unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn values(settings: &Settings) -> String {
    let Settings { endpoint, listen, docs, concurrency, retention, reflection, .. } = settings;
    let Settings { log, log_format, limits, cluster, .. } = settings;
    let front = (&endpoint.value, listen.value, &docs.value, reflection.value);
    let rest = (concurrency.value, retention.value, &log.value, log_format.value);
    let Settings { models, model_timeouts: times, prompts, prices, replan, .. } = settings;
    let times = (times.connect.value, times.first.value, times.idle.value);
    let files = (&prompts.value, &prices.value, replan.value);
    let found = (&cluster.redis.value, &cluster.planner.value, &cluster.queues.value);
    let taken = (cluster.max_open_runs.value, cluster.max_queue_depth.value);
    let ways = (cluster.durability.value, cluster.grace.value, found, taken);
    let offered = (cluster.coordinator_listen.value, cluster.planner_listen.value);
    let offered = (offered, cluster.worker_listen.value);
    format!(
        "{front:?} {rest:?} {ways:?} {offered:?} {models:?} {times:?} {files:?} {:?}",
        limits.values()
    )
}

#[test]
fn the_example_says_what_the_defaults_are() {
    assert_eq!(values(&resolve(&example())), values(&Settings::default()));
}

#[test]
fn the_example_has_every_key() {
    let text = with_examples(&example());
    let (mut given, mut mistakes) = (Vec::new(), Vec::new());
    file::read(Path::new("sortie.toml"), &text, &mut given, &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    for key in KEYS {
        assert!(given.iter().any(|given| given.key == key), "`{key}` is missing");
    }
}

#[test]
fn the_examples_hold_too() {
    let settings = resolve(&with_examples(&example()));
    assert!(settings.endpoint.is_set() && settings.docs.is_set() && settings.log.is_set());
    assert_eq!(settings.cluster.queues.value, ["builtin"]);
    assert!(settings.prompts.is_set() && settings.prices.is_set());
    let models = &settings.models;
    for role in [&models.general, &models.planner, &models.executor, &models.synthesizer] {
        assert!(role.model.is_set() && role.provider.is_set() && role.base_url.is_set());
    }
    assert_eq!(settings.limits.step_timeout.value, Some(Duration::from_secs(300)));
}
