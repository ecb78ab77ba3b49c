//! Settings and keys in, models and reasons out.

use super::*;

/// `planner.model=gpt-5 model=offline OPENAI`: what is said, and which keys there are.
fn given(text: &str) -> (Wishes, Keys) {
    let mut wishes = Wishes::default();
    let mut variables = Vec::new();
    for word in text.split_whitespace() {
        let Some((setting, value)) = word.split_once('=') else {
            variables.push(format!("{word}_API_KEY"));
            continue;
        };
        let (role, what) = setting.split_once('.').unwrap_or(("general", setting));
        let wish = match role {
            "planner" => &mut wishes.roles.planner,
            "executor" => &mut wishes.roles.executor,
            "synthesizer" => &mut wishes.roles.synthesizer,
            _ => &mut wishes.general,
        };
        let said = Some(Said { value: value.to_owned(), origin: format!("--{setting}") });
        match what {
            "model" => wish.model = said,
            "provider" => wish.provider = said,
            "url" => wish.base_url = said,
            _ => panic!("{word}"),
        }
    }
    let is_set = |name: &str| variables.iter().any(|known| known == name);
    (wishes, Keys::of_environment(|name| is_set(name).then(|| "secret".to_owned())))
}

/// `openai gpt-5 @URL with KEY`, or what is wrong.
fn planner(text: &str) -> String {
    let (wishes, keys) = given(text);
    let choice = match choose(&wishes, &keys).planner {
        Ok(choice) => choice.chosen,
        Err(contradiction) => return contradiction.to_string(),
    };
    match choice {
        Chosen::Offline => "offline".to_owned(),
        Chosen::Script(file) => format!("script {}", file.display()),
        Chosen::Remote(Remote { provider, model, base_url, key }) => {
            let model = model.unwrap_or("?".to_owned());
            let at = base_url.map(|url| format!(" @{url}")).unwrap_or_default();
            let key = key.map(|key| format!(" with {}", key.variable())).unwrap_or_default();
            format!("{provider} {model}{at}{key}")
        }
    }
}

#[test]
fn settings_and_keys_lead_to_a_model() {
    for (text, wanted) in [
        ("", "offline"),
        ("SORTIE_MODEL", "offline"),
        ("OPENAI", "openai gpt-6.1-sol with OPENAI_API_KEY"),
        ("GEMINI ANTHROPIC", "anthropic claude-sonnet-5-5 with ANTHROPIC_API_KEY"),
        ("GEMINI", "gemini gemini-3.8-flash with GEMINI_API_KEY"),
        ("model=offline OPENAI", "offline"),
        ("planner.model=offline model=gpt-5 OPENAI", "offline"),
        ("executor.model=offline OPENAI", "openai gpt-6.1-sol with OPENAI_API_KEY"),
        ("model=script:a/b.toml provider=openai", "script a/b.toml"),
        (
            "model=claude-opus-5-5 OPENAI ANTHROPIC",
            "anthropic claude-opus-5-5 with ANTHROPIC_API_KEY",
        ),
        ("model=claude-opus-5-5 planner.model=o3 OPENAI", "openai o3 with OPENAI_API_KEY"),
        ("model=mystery GEMINI", "gemini mystery with GEMINI_API_KEY"),
        ("provider=gemini OPENAI GEMINI", "gemini gemini-3.8-flash with GEMINI_API_KEY"),
        ("url=http://h/v1", "openai ? @http://h/v1"),
        ("url=http://h/v1 model=qwen3", "openai qwen3 @http://h/v1"),
        ("url=http://h/v1 model=claude-x", "anthropic claude-x @http://h/v1"),
        ("url=http://h/v1 provider=openai model=claude-x", "openai claude-x @http://h/v1"),
        ("url=https://api.openai.com/v1/ OPENAI", "openai gpt-6.1-sol with OPENAI_API_KEY"),
        ("provider=openai model=claude-x OPENAI", "openai claude-x with OPENAI_API_KEY"),
    ] {
        assert_eq!(planner(text), wanted, "{text}");
    }
}

#[test]
fn a_providers_key_goes_to_a_base_url_only_where_the_provider_is_named_beside_it() {
    for (text, wanted) in [
        ("url=http://h OPENAI", "openai ? @http://h"),
        ("url=http://h model=gpt-5 OPENAI", "openai gpt-5 @http://h"),
        (
            "url=http://h model=gpt-5 OPENAI SORTIE_MODEL",
            "openai gpt-5 @http://h with SORTIE_MODEL_API_KEY",
        ),
        ("url=http://h provider=openai OPENAI", "openai ? @http://h with OPENAI_API_KEY"),
        (
            "url=http://h provider=openai OPENAI SORTIE_MODEL",
            "openai ? @http://h with SORTIE_MODEL_API_KEY",
        ),
        ("url=http://h provider=openai ANTHROPIC", "openai ? @http://h"),
        ("planner.url=http://h provider=openai OPENAI", "openai ? @http://h"),
        (
            "url=http://h planner.provider=anthropic planner.model=claude-x ANTHROPIC",
            "anthropic claude-x @http://h",
        ),
        (
            "planner.url=http://h planner.provider=openai OPENAI",
            "openai ? @http://h with OPENAI_API_KEY",
        ),
    ] {
        assert_eq!(planner(text), wanted, "{text}");
    }
}

#[test]
fn contradictions_name_their_place_and_the_way_out() {
    for (text, origin, says) in [
        ("provider=anthropic OPENAI", "--provider", "set ANTHROPIC_API_KEY in the environment"),
        ("model=claude-x OPENAI", "--model", "set ANTHROPIC_API_KEY"),
        ("planner.model=gpt-5 SORTIE_MODEL", "--planner.model", "set OPENAI_API_KEY"),
        ("provider=bard", "--provider", "no provider is called \"bard\""),
        ("model=mystery", "--model", "Set model_provider or model_base_url too"),
        ("planner.model=mystery", "--planner.model", "Set planner_provider or planner_base_url"),
        (
            "provider=openai planner.model=claude-x OPENAI ANTHROPIC",
            "--planner.model",
            "is a model of anthropic, and --provider says openai for the planner: set planner_provider",
        ),
        (
            "model=gpt-5 planner.provider=anthropic OPENAI ANTHROPIC",
            "--model",
            "is a model of openai, and --planner.provider says anthropic for the planner: set \
             planner_model too",
        ),
    ] {
        let told = planner(text);
        assert!(told.starts_with(&format!("{origin}: ")), "{text}: {told}");
        assert!(told.contains(says), "{text}: {told}");
    }
}

#[test]
fn every_choice_says_why() {
    for (text, why) in [
        ("", "nobody names a model, and no key is set"),
        ("OPENAI", "OPENAI_API_KEY is set; default for openai"),
        ("model=offline", "--model"),
        ("planner.model=gpt-5 OPENAI", "--planner.model"),
        ("model=mystery OPENAI", "--model; OPENAI_API_KEY is set"),
        ("provider=openai OPENAI", "--provider; default for openai"),
        ("url=http://h", "--url; the server's only model"),
    ] {
        let (wishes, keys) = given(text);
        assert_eq!(choose(&wishes, &keys).planner.unwrap().why.join("; "), why, "{text}");
    }
}

#[test]
fn roles_have_models_of_their_own() {
    let (wishes, keys) = given("executor.model=claude-haiku-5-5 OPENAI ANTHROPIC");
    let chosen = choose(&wishes, &keys);
    let model = |role| match &chosen.of(role).as_ref().unwrap().chosen {
        Chosen::Remote(remote) => remote.model.clone().unwrap(),
        other => panic!("{other:?}"),
    };
    let models = Role::ALL.map(model);
    assert_eq!(models, ["gpt-6.1-sol", "claude-haiku-5-5", "gpt-6.1-terra"]);
}
