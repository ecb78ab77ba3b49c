//! What was found, for people and as JSON.

use sortie_models::{Chosen, Price, Role};

use super::check::{Call, Report, RoleCheck};
use super::redis::RedisCheck;
use crate::json::Object;
use crate::render::{Last, table, tokens};
use crate::text::harmless_line;

/// How to get a model, for who has none.
const HOW: &str = "set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY, or name a server of your \
                   own: --model-base-url http://localhost:8080/v1";

pub(super) fn text(report: &Report) -> String {
    let mut lines = about(report);
    lines.push(String::new());
    lines.push(roles(report));
    lines.push(String::new());
    lines.extend(offline(report));
    for (role, check) in report.roles.iter() {
        lines.extend(check.fault().map(|fault| format!("failed   {role}: {fault}")));
    }
    lines.extend(report.calls.iter().map(call));
    lines.extend(report.prompts.faults.iter().map(|fault| format!("failed   {fault}")));
    if let Some(redis) = &report.redis {
        lines.push(String::new());
        lines.extend(redis.lines());
        lines.push(String::new());
    }
    if !report.is_asked {
        lines.push("no model was asked".to_owned());
    }
    let fine = if report.is_fine() { "all is well" } else { "not all is well" };
    lines.push(fine.to_owned());
    lines.iter().map(|line| harmless_lines(line)).collect::<Vec<_>>().join("\n")
}

/// Where settings, prompts and prices come from.
fn about(report: &Report) -> Vec<String> {
    let file = report.file.as_ref().map_or("none".to_owned(), |file| file.display().to_string());
    let prompts = match &report.prompts.folder {
        None => "those of the program".to_owned(),
        Some(folder) => {
            let replaced = match report.prompts.replaced.as_slice() {
                [] => "nothing".to_owned(),
                some => some.join(", "),
            };
            format!("{}, in place of {replaced}", folder.display())
        }
    };
    let prices = match &report.prices_from {
        None => format!("those of the program, of {}", report.prices_date),
        Some(file) => format!("{}, of {}", file.display(), report.prices_date),
    };
    let mut lines = vec![
        format!("configuration  {file}"),
        format!("prompts        {prompts}"),
        format!("prices         {prices}"),
    ];
    lines.extend(report.endpoint.as_ref().map(|(url, origin)| {
        format!("endpoint       {url} ({origin}): its own models do the work, look there too")
    }));
    lines
}

fn roles(report: &Report) -> String {
    let rows: Vec<_> = report.roles.iter().map(|(role, check)| row(role, check)).collect();
    table(["ROLE", "MODEL", "KEY", "PRICE FOR A MILLION TOKENS", "WHY"], &rows, Last::Cut(None))
}

fn row(role: Role, check: &RoleCheck) -> [String; 5] {
    let nothing = || "-".to_owned();
    let model = match (&check.model, check.is_offline()) {
        (Some(Ok(model)), _) => model.name().to_string(),
        (_, true) => "offline".to_owned(),
        _ => nothing(),
    };
    let key = check.remote().and_then(|remote| remote.key).map(|key| key.variable().to_owned());
    let price = match (&check.model, check.price) {
        (_, Some(price)) => format!("${} in, ${} out", dollars(price.input), dollars(price.output)),
        (Some(Ok(_)), None) => "not known".to_owned(),
        _ => nothing(),
    };
    [role.to_string(), model, key.unwrap_or_else(nothing), price, why(check).join("; ")]
}

fn why(check: &RoleCheck) -> &[String] {
    check.choice.as_ref().map(|choice| &choice.why[..]).unwrap_or_default()
}

/// Billionths for a token are thousandths of a dollar for a million.
fn dollars(nanodollars: u64) -> String {
    let text = format!("{}.{:03}", nanodollars / 1000, nanodollars % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn call(call: &Call) -> String {
    let roles: Vec<_> = call.roles.iter().map(|role| role.as_str()).collect();
    let (name, roles, millis) = (&call.name, roles.join(", "), call.took.as_millis());
    match &call.answer {
        Ok(ending) => {
            let tokens = tokens(ending.tokens.input, ending.tokens.output);
            format!("ready    {name} ({roles}) in {millis} ms, {tokens}")
        }
        Err(message) => format!("failed   {name} ({roles}): {message}"),
    }
}

/// What happens without a model, and how to get one.
fn offline(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let names = names(report, RoleCheck::is_offline);
    if names.is_empty() {
        return lines;
    }
    let rules: Vec<_> = names.iter().copied().filter(|name| *name != "executor").collect();
    if !rules.is_empty() {
        lines.push(format!("offline  {}: by the built-in rules", rules.join(", ")));
    }
    if rules.len() < names.len() {
        lines.push("offline  executor: without the tools that need a model".to_owned());
    }
    lines.push(format!("         for a model, {HOW}"));
    lines
}

fn names(report: &Report, is: impl Fn(&RoleCheck) -> bool) -> Vec<&'static str> {
    report.roles.iter().filter(|(_, check)| is(check)).map(|(role, _)| role.as_str()).collect()
}

fn harmless_lines(text: &str) -> String {
    text.lines().map(harmless_line).collect::<Vec<_>>().join("\n")
}

pub(super) fn json(report: &Report) -> Object {
    let shown = |path: Option<&std::path::PathBuf>| path.map(|path| path.display().to_string());
    let roles: Vec<_> = report.roles.iter().map(|(role, check)| role_json(role, check)).collect();
    let calls: Vec<_> = report.calls.iter().map(call_json).collect();
    let prompts = Object::default()
        .put("folder", shown(report.prompts.folder.as_ref()))
        .put("replaced", &report.prompts.replaced)
        .put("faults", &report.prompts.faults);
    let prices = Object::default()
        .put("file", shown(report.prices_from.as_ref()))
        .put("date", &report.prices_date);
    Object::of_type("doctor")
        .put("ok", report.is_fine())
        .put("configuration", shown(report.file.as_ref()))
        .put("endpoint", report.endpoint.as_ref().map(|(url, _)| url))
        .put("roles", roles)
        .put("calls", calls)
        .put("prompts", prompts)
        .put("prices", prices)
        .put("redis", report.redis.as_ref().map(RedisCheck::json))
}

fn role_json(role: Role, check: &RoleCheck) -> Object {
    let name = match &check.model {
        Some(Ok(model)) => Some(model.name()),
        _ => None,
    };
    let script = match check.choice.as_ref().map(|choice| &choice.chosen) {
        Ok(Chosen::Script(file)) => Some(file.display().to_string()),
        _ => None,
    };
    let model = name.as_ref().map(|name| &*name.model).filter(|model| !model.is_empty());
    Object::default()
        .put("role", role.as_str())
        .put("offline", check.is_offline())
        .put("provider", name.as_ref().map(|name| name.provider))
        .put("model", model)
        .put("base_url", name.as_ref().and_then(|name| name.base_url.as_deref()))
        .put("script", script)
        .put("key", check.remote().and_then(|remote| remote.key).map(|key| key.variable()))
        .put("price_usd_per_million", check.price.map(price_json))
        .put("why", why(check))
        .put("error", check.fault())
}

fn price_json(price: Price) -> Object {
    Object::default().put("input", dollars(price.input)).put("output", dollars(price.output))
}

fn call_json(call: &Call) -> Object {
    let roles: Vec<_> = call.roles.iter().map(|role| role.as_str()).collect();
    let tokens = call.answer.as_ref().ok().map(|ending| ending.tokens);
    Object::default()
        .put("model", &call.name)
        .put("roles", roles)
        .put("ok", call.answer.is_ok())
        .put("took_ms", u64::try_from(call.took.as_millis()).unwrap_or(u64::MAX))
        .put("input_tokens", tokens.map(|tokens| tokens.input))
        .put("output_tokens", tokens.map(|tokens| tokens.output))
        .put("error", call.answer.as_ref().err())
}
