//! The settings of models: where each goes, and what is refused.

use super::*;

#[test]
fn every_role_has_its_own_settings_beside_the_general_ones() {
    let (folder, path) = folder_with(
        "model = \"script:answers.jsonl\"\nplanner_provider = \"gemini\"\n\
         [model_timeouts]\nfirst = \"20s\"\n",
    );
    let settings = Sources {
        flags: vec![flag("executor_model", "--executor-model", "qwen3")],
        environment: variables(&[
            ("SORTIE_MODEL_BASE_URL", "http://localhost:8080/v1"),
            ("SORTIE_SYNTHESIZER_MODEL", "offline"),
            ("SORTIE_MODEL_TIMEOUTS_IDLE", "3s"),
            ("SORTIE_MODEL_API_KEY", "a secret that is no setting"),
            ("SORTIE_REPLAN", "on-failure"),
        ]),
        file: Some(path.clone()),
    }
    .resolve()
    .unwrap();
    let ModelsSettings { general, planner, executor, synthesizer } = &settings.models;
    let script = format!("script:{}", folder.path().join("answers.jsonl").display());
    assert_eq!(general.model.value.as_deref(), Some(script.as_str()), "beside the file");
    assert_eq!(general.base_url.value.as_deref(), Some("http://localhost:8080/v1"));
    assert_eq!(planner.provider.value.as_deref(), Some("gemini"));
    assert_eq!(planner.provider.origin, Origin::File(path.clone(), 2));
    assert_eq!(executor.model.value.as_deref(), Some("qwen3"));
    assert_eq!(executor.model.origin, Origin::Flag("--executor-model"));
    assert_eq!(synthesizer.model.value.as_deref(), Some("offline"));
    let times = &settings.model_timeouts;
    let seconds = [&times.connect, &times.first, &times.idle].map(|time| time.value.as_secs());
    assert_eq!(seconds, [10, 20, 3]);
    assert_eq!(settings.replan.value, sortie_engine::ReplanPolicy::OnFailure);
    assert_eq!(settings.file, Some(path));
}

#[test]
fn what_no_model_can_be_is_refused_and_secrets_are_not_repeated() {
    let mistakes = Sources {
        flags: vec![
            flag("model", "--model", "script:"),
            flag("model_provider", "--model-provider", "bard"),
            flag("model_base_url", "--model-base-url", "localhost:8080"),
            flag("planner_base_url", "--planner-base-url", "https://me:hunter2@host/v1"),
            flag("replan", "--replan", "always"),
        ],
        environment: variables(&[("SORTIE_MODEL_TIMEOUTS_FIRST", "2h")]),
        file: None,
    }
    .resolve()
    .unwrap_err()
    .to_string();
    for wanted in [
        "--model: is `script:`, must name a file",
        "--model-provider: is `bard`, must be one of openai, anthropic, gemini",
        "--model-base-url: must look like http://",
        "--planner-base-url: has a name or password in it",
        "--replan: is `always`, must be never or on-failure",
        "SORTIE_MODEL_TIMEOUTS_FIRST: must be at most 1h",
    ] {
        assert!(mistakes.contains(wanted), "missing: {wanted}\n{mistakes}");
    }
    assert!(!mistakes.contains("hunter2"), "{mistakes}");
}

#[test]
fn a_key_in_the_file_is_no_setting() {
    let (_folder, path) = folder_with("model_api_key = \"sk-1\"\n");
    let mistakes = Sources { file: Some(path), ..Sources::default() }.resolve().unwrap_err();
    let text = mistakes.to_string();
    assert!(text.contains("`model_api_key` is not known") && !text.contains("sk-1"), "{text}");
}
