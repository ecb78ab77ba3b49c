//! The layers together: who wins, and that no mistake hides another.

use std::time::Duration;

use super::*;

mod cluster;
mod example;
mod models;

fn flag(key: &'static str, flag: &'static str, text: &str) -> FlagValue {
    FlagValue { key, flag, text: text.to_owned() }
}

fn variables(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn folder_with(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sortie.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn flag_wins_over_variable_over_file_over_default_and_each_keeps_its_origin() {
    let (_folder, path) =
        folder_with("concurrency = 1\nretention = 2\nlog_format = \"json\"\n[limits]\nsteps = 3\n");
    let settings = Sources {
        flags: vec![flag("concurrency", "--concurrency", "9")],
        environment: variables(&[("SORTIE_CONCURRENCY", "8"), ("SORTIE_RETENTION", "7")]),
        file: Some(path.clone()),
    }
    .resolve()
    .unwrap();
    assert_eq!(settings.concurrency.value, 9);
    assert_eq!(settings.concurrency.origin, Origin::Flag("--concurrency"));
    assert_eq!(settings.retention.value, 7);
    assert_eq!(settings.retention.origin, Origin::Variable("SORTIE_RETENTION".to_owned()));
    assert_eq!(settings.limits.steps.value, 3);
    assert_eq!(settings.limits.steps.origin, Origin::File(path, 5));
    assert_eq!(settings.log_format.value, LogFormat::Json);
    assert_eq!(settings.limits.run_timeout.value, Duration::from_secs(3600));
    assert!(!settings.limits.run_timeout.is_set());
}

#[test]
fn every_mistake_of_every_layer_is_reported_with_its_place() {
    let (_folder, path) = folder_with(
        "concurency = 4\nreflection = \"maybe\"\n\n[limits]\nattempts = 99\nrun_timeout = 90\n",
    );
    let mistakes = Sources {
        flags: vec![flag("limits.run_timeout", "--timeout", "soon")],
        environment: variables(&[
            ("SORTIE_LISTEN", "everywhere"),
            ("SORTIE_ENDPONT", "http://x:1"),
            ("SORTIE_SERVICE_HOST", "10.0.0.1"),
            ("SORTIE_LOG", "chatty"),
        ]),
        file: Some(path.clone()),
    }
    .resolve()
    .unwrap_err();
    let text = mistakes.to_string();
    let file = path.display();
    for wanted in [
        "--timeout: is `soon`, must be a duration like".to_owned(),
        "SORTIE_LISTEN: is `everywhere`".to_owned(),
        "SORTIE_ENDPONT: is not known; did you mean SORTIE_ENDPOINT?".to_owned(),
        "SORTIE_LOG: has `chatty`, which is no level".to_owned(),
        format!("{file}:1: `concurency` is not known; did you mean `concurrency`?"),
        format!("{file}:2: `reflection` is a string, must be true or false"),
        format!("{file}:5: `limits.attempts` is 99, must be a whole number between 1 and 20"),
        format!("{file}:6: `limits.run_timeout` is an integer, must be a string with a unit"),
    ] {
        assert!(text.contains(&wanted), "missing: {wanted}\n{text}");
    }
    assert_eq!(mistakes.0.len(), 8, "{text}");
}

#[test]
fn a_file_that_is_no_toml_is_one_mistake_with_its_line() {
    let (_folder, path) = folder_with("concurrency = 1\nlog = = 2\n");
    let mistakes =
        Sources { file: Some(path.clone()), ..Sources::default() }.resolve().unwrap_err();
    assert_eq!(mistakes.0.len(), 1);
    assert_eq!(mistakes.0[0].origin, Origin::File(path, 2));
}

#[test]
fn a_named_file_must_exist_and_the_usual_one_need_not() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere.toml");
    let mistakes = Sources { file: Some(nowhere), ..Sources::default() }.resolve().unwrap_err();
    assert!(mistakes.to_string().starts_with("--config: cannot read"), "{mistakes}");
    let home = folder.path().to_str().unwrap();
    let environment = variables(&[("HOME", home)]);
    assert!(Sources { environment, ..Sources::default() }.resolve().is_ok());
}

#[test]
fn the_users_own_file_is_found_and_its_relative_paths_start_beside_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config").join("sortie");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "docs = \"papers\"\nendpoint = \"host:7420\"\n";
    std::fs::write(folder.join("sortie.toml"), text).unwrap();
    let environment = variables(&[("HOME", home.path().to_str().unwrap())]);
    let settings = Sources { environment, ..Sources::default() }.resolve().unwrap();
    assert_eq!(settings.docs.value, Some(folder.join("papers")));
    assert_eq!(settings.endpoint.value, ["http://host:7420"]);
}

#[test]
fn tls_is_refused_in_so_many_words() {
    let flags = vec![flag("endpoint", "--endpoint", "https://host:1")];
    let mistakes = Sources { flags, ..Sources::default() }.resolve().unwrap_err();
    assert!(mistakes.to_string().contains("TLS is not supported yet"), "{mistakes}");
}
