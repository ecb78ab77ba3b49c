//! The keys of the configuration, and the known one that is nearest to a typing mistake.

/// Every key, as the file writes it.
pub(crate) const KEYS: [&str; 42] = [
    "endpoint",
    "listen",
    "redis",
    "planner",
    "queues",
    "grace",
    "durability",
    "max_open_runs",
    "max_queue_depth",
    "coordinator_listen",
    "planner_listen",
    "worker_listen",
    "docs",
    "model",
    "model_provider",
    "model_base_url",
    "planner_model",
    "planner_provider",
    "planner_base_url",
    "executor_model",
    "executor_provider",
    "executor_base_url",
    "synthesizer_model",
    "synthesizer_provider",
    "synthesizer_base_url",
    "prompts",
    "prices",
    "replan",
    "concurrency",
    "retention",
    "reflection",
    "log",
    "log_format",
    "model_timeouts.connect",
    "model_timeouts.first",
    "model_timeouts.idle",
    "limits.run_timeout",
    "limits.step_timeout",
    "limits.attempts",
    "limits.plan_repairs",
    "limits.steps",
    "limits.model_calls",
];

/// The variable of a key: `SORTIE_LIMITS_STEPS` for `limits.steps`.
pub(crate) fn variable(key: &str) -> String {
    format!("SORTIE_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// The key that was probably meant: at most two slips away, and most of it right.
pub(crate) fn nearest(unknown: &str) -> Option<&'static str> {
    let plain = |text: &str| text.replace('.', "_");
    let slips = |key: &&str| distance(&plain(key), &plain(unknown));
    let near = KEYS.iter().copied().min_by_key(slips)?;
    let allowed = 2.min(near.len() / 3);
    (slips(&near) <= allowed).then_some(near)
}

/// Levenshtein distance: insertions, deletions and replacements of characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        assert_eq!(nearest("concurency"), Some("concurrency"));
        assert_eq!(nearest("limits.step"), Some("limits.steps"));
        assert_eq!(nearest("lgo_format"), Some("log_format"));
        assert_eq!(nearest("planer_model"), Some("planner_model"));
        for stranger in ["port", "service.host", "port.7420.tcp", "model.api.key", ""] {
            assert_eq!(nearest(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (a, b, slips) in [("", "abc", 3), ("kitten", "sitting", 3), ("log", "log", 0)] {
            assert_eq!(distance(a, b), slips, "{a} {b}");
            assert_eq!(distance(b, a), slips, "{b} {a}");
        }
    }
}
