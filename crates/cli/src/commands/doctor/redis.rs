//! Whether the Redis of a cluster is fit, and what to change.

use sortie_service::config::{self, ClusterSettings};
use sortie_store::{Durability, Finding, Verdict, inspect};

use crate::json::Object;
use crate::render::{Last, table};

/// What a look at a Redis gave.
pub(super) struct RedisCheck {
    /// Without its password.
    url: String,
    durability: &'static str,
    /// What was found, or why nothing could be.
    looked: Result<Vec<Finding>, String>,
}

impl RedisCheck {
    /// Looks at the Redis of the settings.
    pub(super) async fn of(settings: &ClusterSettings) -> Self {
        let (durability, name) = match settings.durability.value {
            config::Durability::Standard => (Durability::Standard, "standard"),
            config::Durability::Dev => (Durability::Dev, "dev"),
        };
        let looked = inspect(settings.redis.value.expose(), durability).await;
        let looked = looked.map_err(|error| error.to_string());
        Self { url: settings.redis.value.to_string(), durability: name, looked }
    }

    /// A warning is no reason to say no.
    pub(super) fn is_fine(&self) -> bool {
        let is_bad = |finding: &Finding| finding.verdict == Verdict::Bad;
        self.looked.as_ref().is_ok_and(|findings| !findings.iter().any(is_bad))
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let head = format!("redis          {}, durability {}", self.url, self.durability);
        match &self.looked {
            Err(fault) => vec![head, format!("failed   {fault}")],
            Ok(findings) => {
                let header = ["REDIS", "VERDICT", "FOUND", "WHAT TO DO"];
                let rows: Vec<_> = findings.iter().map(row).collect();
                vec![head, String::new(), table(header, &rows, Last::Cut(None))]
            }
        }
    }

    pub(super) fn json(&self) -> Object {
        let findings: Vec<_> = self.looked.iter().flatten().map(finding_json).collect();
        Object::default()
            .put("url", &self.url)
            .put("durability", self.durability)
            .put("ok", self.is_fine())
            .put("findings", findings)
            .put("error", self.looked.as_ref().err())
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warning",
        Verdict::Bad => "bad",
    }
}

fn row(finding: &Finding) -> [String; 4] {
    let advice = if finding.advice.is_empty() { "-" } else { finding.advice };
    let verdict = word(finding.verdict).to_owned();
    [finding.name.to_owned(), verdict, finding.found.clone(), advice.to_owned()]
}

fn finding_json(finding: &Finding) -> Object {
    let advice = (!finding.advice.is_empty()).then_some(finding.advice);
    Object::default()
        .put("name", finding.name)
        .put("verdict", word(finding.verdict))
        .put("found", &finding.found)
        .put("advice", advice)
}
