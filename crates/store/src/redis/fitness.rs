//! Whether a Redis is fit to hold runs: what is looked at, what was found, and what to change. One
//! list of findings serves the running processes and `doctor`.

use std::collections::BTreeMap;
use std::fmt;

use redis::aio::MultiplexedConnection;
use redis::{InfoDict, RedisError, RedisResult};

/// The oldest Redis with functions as Sortie uses them.
const OLDEST: (u32, u32) = (7, 0);
/// Above this share of maxmemory goals are refused, so that what was accepted can go on.
pub(super) const MEMORY_FOR_GOALS_PERCENT: u64 = 70;

/// How much may be lost when Redis is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Nothing that was acknowledged: anything less is no fit store.
    #[default]
    Standard,
    /// Whatever Redis happens to lose: it is told, and that is all.
    Dev,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and something may be lost or cannot be told.
    Warn,
    /// Runs must not be trusted to it.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub name: &'static str,
    /// How grave it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do; empty where there is nothing to do.
    pub advice: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.found)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, " ({})", self.advice) }
    }
}

/// What Redis says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) version: String,
    pub(super) uptime_s: u64,
    pub(super) is_replica: bool,
    pub(super) has_log: bool,
    pub(super) log_fails: bool,
    pub(super) snapshot_fails: bool,
    pub(super) used_bytes: u64,
    pub(super) most_bytes: u64,
    pub(super) policy: String,
    /// How its log is written; nothing where it does not tell its configuration.
    pub(super) fsync: Option<String>,
}

impl Facts {
    /// Asks Redis. How the log is written is kept from the facts before where it is not asked.
    pub(super) async fn ask(connection: &mut MultiplexedConnection) -> RedisResult<Self> {
        let mut ask = redis::cmd("INFO");
        ask.arg("server").arg("replication").arg("persistence").arg("memory");
        let info: InfoDict = match ask.query_async(connection).await {
            // Before 7.0 it took one section at most; how old it is, is to be found out here.
            Err(error) if error.code() == Some("ERR") => {
                redis::cmd("INFO").query_async(connection).await?
            }
            info => info?,
        };
        let word = |key: &str| info.get::<String>(key).unwrap_or_default();
        let number = |key: &str| info.get::<u64>(key).unwrap_or_default();
        Ok(Self {
            version: word("redis_version"),
            uptime_s: number("uptime_in_seconds"),
            is_replica: word("role") == "slave",
            has_log: number("aof_enabled") == 1,
            log_fails: word("aof_last_write_status") == "err",
            snapshot_fails: word("rdb_last_bgsave_status") == "err",
            used_bytes: number("used_memory"),
            most_bytes: number("maxmemory"),
            policy: word("maxmemory_policy"),
            fsync: None,
        })
    }

    /// How the log is written. A Redis that keeps its configuration to itself is no error.
    pub(super) async fn ask_fsync(
        connection: &mut MultiplexedConnection,
    ) -> RedisResult<Option<String>> {
        let mut ask = redis::cmd("CONFIG");
        ask.arg("GET").arg("appendfsync");
        match ask.query_async::<BTreeMap<String, String>>(connection).await {
            Ok(found) => Ok(found.get("appendfsync").cloned()),
            Err(error) if error.is_io_error() => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// How full it is, if it has a limit.
    pub(super) fn used_percent(&self) -> Option<u64> {
        (self.used_bytes * 100).checked_div(self.most_bytes)
    }

    pub(super) fn is_too_old(&self) -> bool {
        let mut numbers = self.version.split('.').map(|part| part.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST
    }

    /// Everything that was looked at.
    pub(super) fn findings(&self, durability: Durability) -> Vec<Finding> {
        vec![
            self.age(),
            self.role(),
            self.log(durability),
            self.memory(),
            self.eviction(durability),
        ]
    }

    fn age(&self) -> Finding {
        let found = self.version.clone();
        if self.is_too_old() {
            let advice = "Sortie needs Redis 7.0 or later, for its functions";
            return Finding { name: "version", verdict: Verdict::Bad, found, advice };
        }
        Finding { name: "version", verdict: Verdict::Ok, found, advice: "" }
    }

    fn role(&self) -> Finding {
        let (verdict, found, advice) = if self.is_replica {
            (Verdict::Bad, "a replica, which cannot be written", "point Sortie at the primary")
        } else {
            (Verdict::Ok, "primary", "")
        };
        Finding { name: "role", verdict, found: found.to_owned(), advice }
    }

    fn log(&self, durability: Durability) -> Finding {
        let lossy = match durability {
            Durability::Standard => Verdict::Bad,
            Durability::Dev => Verdict::Warn,
        };
        let (verdict, found, advice) = match (self.has_log, self.log_fails, self.fsync.as_deref()) {
            (_, true, _) => (
                Verdict::Bad,
                "the append-only file cannot be written".to_owned(),
                "free space on its disk or mend it",
            ),
            (false, ..) => (
                lossy,
                "no append-only file".to_owned(),
                "set `appendonly yes` and `appendfsync always`; with durability `dev` it may stay",
            ),
            (true, _, Some("always")) if self.snapshot_fails => (
                Verdict::Warn,
                "append-only file, written before each answer; the last snapshot failed".to_owned(),
                "free space on its disk or set `save \"\"`: while snapshots fail Redis may refuse to write",
            ),
            (true, _, Some("always")) => {
                (Verdict::Ok, "append-only file, written before each answer".to_owned(), "")
            }
            (true, _, Some(fsync)) => (
                lossy,
                format!("append-only file with appendfsync {fsync}: a crash loses the last writes"),
                "set `appendfsync always`; with durability `dev` it may stay",
            ),
            (true, _, None) => (
                Verdict::Warn,
                "append-only file; how it is written cannot be read".to_owned(),
                "allow CONFIG GET to this user, or see yourself that it is `appendfsync always`",
            ),
        };
        Finding { name: "persistence", verdict, found, advice }
    }

    fn memory(&self) -> Finding {
        let mebibytes = |bytes: u64| bytes >> 20;
        let (verdict, found, advice) = match self.used_percent() {
            None => (
                Verdict::Warn,
                format!("{} MiB used, no limit", mebibytes(self.used_bytes)),
                "set maxmemory below the machine's memory: at the limit goals are refused, without \
                 one Redis is killed",
            ),
            Some(percent) => {
                let found = format!("{percent} % of {} MiB used", mebibytes(self.most_bytes));
                let (verdict, advice) = if percent > MEMORY_FOR_GOALS_PERCENT {
                    (
                        Verdict::Warn,
                        "goals are refused above 70 %: raise maxmemory, or let runs end",
                    )
                } else {
                    (Verdict::Ok, "")
                };
                (verdict, found, advice)
            }
        };
        Finding { name: "memory", verdict, found, advice }
    }

    fn eviction(&self, durability: Durability) -> Finding {
        let found = self.policy.clone();
        let (verdict, advice) = match (self.policy.as_str(), durability) {
            ("noeviction", _) => (Verdict::Ok, ""),
            (_, Durability::Standard) => (Verdict::Bad, "set `maxmemory-policy noeviction`"),
            (_, Durability::Dev) => (Verdict::Warn, "set `maxmemory-policy noeviction`"),
        };
        Finding { name: "eviction", verdict, found, advice }
    }
}

/// Everything that makes a Redis unfit, in one sentence.
pub(super) fn grave(findings: &[Finding]) -> Option<String> {
    let grave = findings.iter().filter(|finding| finding.verdict == Verdict::Bad);
    let grave: Vec<_> = grave.map(ToString::to_string).collect();
    (!grave.is_empty()).then(|| grave.join("; "))
}

/// What is worth a warning.
pub(super) fn doubtful(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.verdict == Verdict::Warn)
}

/// Whether functions can be used there.
pub(super) fn functions(refused: Option<&RedisError>) -> Finding {
    let (verdict, found, advice) = match refused {
        None => (Verdict::Ok, "loaded".to_owned(), ""),
        Some(error) => (
            Verdict::Bad,
            error.to_string(),
            "Sortie needs FUNCTION LOAD and FCALL: allow them to this user",
        ),
    };
    Finding { name: "functions", verdict, found, advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Facts {
        Facts {
            version: "7.0.15".to_owned(),
            has_log: true,
            policy: "noeviction".to_owned(),
            fsync: Some("always".to_owned()),
            used_bytes: 10,
            most_bytes: 100,
            ..Facts::default()
        }
    }

    fn worst(facts: &Facts, durability: Durability) -> (Verdict, &'static str) {
        let findings = facts.findings(durability);
        let worst = findings.iter().max_by_key(|finding| finding.verdict).expect("findings");
        (worst.verdict, worst.name)
    }

    #[test]
    fn what_is_wrong_is_bad_or_doubtful_by_what_may_be_lost() {
        type Change = fn(&mut Facts);
        let table: [(Change, Verdict, Verdict, &str); 9] = [
            (|f| f.version = "6.2.14".to_owned(), Verdict::Bad, Verdict::Bad, "version"),
            (|f| f.is_replica = true, Verdict::Bad, Verdict::Bad, "role"),
            (|f| f.has_log = false, Verdict::Bad, Verdict::Warn, "persistence"),
            (|f| f.fsync = Some("everysec".to_owned()), Verdict::Bad, Verdict::Warn, "persistence"),
            (|f| f.fsync = None, Verdict::Warn, Verdict::Warn, "persistence"),
            (|f| f.log_fails = true, Verdict::Bad, Verdict::Bad, "persistence"),
            (|f| f.snapshot_fails = true, Verdict::Warn, Verdict::Warn, "persistence"),
            (|f| f.most_bytes = 0, Verdict::Warn, Verdict::Warn, "memory"),
            (|f| f.policy = "allkeys-lru".to_owned(), Verdict::Bad, Verdict::Warn, "eviction"),
        ];
        assert_eq!(worst(&good(), Durability::Standard).0, Verdict::Ok);
        for (change, standard, dev, name) in table {
            let mut facts = good();
            change(&mut facts);
            assert_eq!(worst(&facts, Durability::Standard), (standard, name));
            assert_eq!(worst(&facts, Durability::Dev), (dev, name));
            let is_grave = grave(&facts.findings(Durability::Standard)).is_some();
            assert_eq!(is_grave, standard == Verdict::Bad, "{name}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, too_old) in [("7.0.0", false), ("6.2", true), ("10.1", false), ("", true)] {
            let facts = Facts { version: version.to_owned(), ..good() };
            assert_eq!(facts.is_too_old(), too_old, "{version}");
        }
    }
}
