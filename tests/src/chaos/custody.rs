//! Who has which attempt, as Redis tells it: looked at many times in each second, beside the cluster
//! and not through it. An attempt that is handed on is counted; one that changes hands without that
//! was taken by somebody who had lost it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use redis::{Connection, RedisResult, Value};

use super::evidence::Handover;
use super::redis_server::connect;
use super::tools::QUEUE;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(60);
/// More attempts than are ever out at once.
const MOST: usize = 10_000;

/// Who looks.
#[derive(Debug)]
pub struct Custody {
    over: Arc<AtomicBool>,
    looking: JoinHandle<Vec<Handover>>,
}

impl Custody {
    /// Looks at this Redis from now on.
    #[must_use]
    pub fn watch(url: String) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let looking = std::thread::spawn(move || {
            let (mut held, mut handovers) = (BTreeMap::new(), Vec::new());
            let mut connection = None;
            while !told.load(Ordering::Relaxed) {
                if connection.is_none() {
                    connection = connect(&url).ok();
                }
                match connection.as_mut().map(pending) {
                    Some(Ok(now)) => {
                        handovers.extend(compare(&held, &now));
                        held = now;
                    }
                    // It is down for now.
                    Some(Err(_)) => connection = None,
                    None => {}
                }
                std::thread::sleep(LOOK);
            }
            handovers
        });
        Self { over, looking }
    }

    /// Everything that was seen.
    ///
    /// # Panics
    /// If looking went wrong.
    #[must_use]
    pub fn end(self) -> Vec<Handover> {
        self.over.store(true, Ordering::Relaxed);
        self.looking.join().unwrap()
    }
}

/// For each entry who has it, and how often it was handed out.
type Held = BTreeMap<String, (String, u64)>;

fn compare(before: &Held, now: &Held) -> Vec<Handover> {
    let moved = now.iter().filter_map(|(entry, to)| {
        let from = before.get(entry).filter(|from| from.0 != to.0)?;
        Some(Handover { entry: entry.clone(), from: from.clone(), to: to.clone() })
    });
    moved.collect()
}

fn pending(connection: &mut Connection) -> RedisResult<Held> {
    let key = format!("{{s0}}:ready:{QUEUE}");
    let groups: Value = redis::cmd("XINFO").arg("GROUPS").arg(&key).query(connection)?;
    let Some(group) = first_name(&groups) else { return Ok(Held::new()) };
    let mut ask = redis::cmd("XPENDING");
    ask.arg(&key).arg(group).arg("-").arg("+").arg(MOST);
    let found: Vec<(String, String, u64, u64)> = ask.query(connection)?;
    Ok(found.into_iter().map(|(entry, worker, _, times)| (entry, (worker, times))).collect())
}

/// The name of the first group in the answer.
fn first_name(groups: &Value) -> Option<String> {
    let Value::Array(groups) = groups else { return None };
    let Value::Array(facts) = groups.first()? else { return None };
    redis::from_redis_value_ref(facts.get(1)?).ok()
}
