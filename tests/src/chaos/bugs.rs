//! Stores that break their promises, each in one way: with one of these the checker must find
//! something, or it would not find it in the product either.
//!
//! The processes are the product's, untouched. The bug is planted where the promise is kept: in the
//! functions inside Redis, whose text is changed and loaded again under the same name. What only a
//! crash at the wrong moment would leave behind is left behind for some runs, so that no test waits
//! for the moment.

use redis::Value;

use super::redis_server::RedisServer;

/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// A goal is acknowledged before it is kept; of some, a crash keeps nothing.
    AckBeforeAppend,
    /// A commit goes through whatever it was decided on.
    NoParentCheck,
    /// A heartbeat takes an attempt back that another worker has by now.
    HeartbeatByPlainClaim,
    /// A timer is taken out when it is read, and not by the commit that deals with it.
    TimerPoppedBeforeCommit,
    /// Ready steps are handed out whether or not the commit that tells of them goes through.
    QueuedOutsideTheCommit,
    /// A report is taken for whatever attempt at its step is out.
    StaleAttemptAccepted,
    /// Commits are refused, and what they would have dealt with is deleted all the same.
    CommandDroppedAfterConflict,
    /// Both deliveries of an attempt write their large result under one name.
    ResultKeyShared,
}

/// A place in the library and what stands there instead.
type Patch = (&'static str, &'static str);

impl Bug {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AckBeforeAppend,
        Self::NoParentCheck,
        Self::HeartbeatByPlainClaim,
        Self::TimerPoppedBeforeCommit,
        Self::QueuedOutsideTheCommit,
        Self::StaleAttemptAccepted,
        Self::CommandDroppedAfterConflict,
        Self::ResultKeyShared,
    ];

    const fn patches(self) -> &'static [Patch] {
        match self {
            Self::AckBeforeAppend => &[(
                "  local lane = lane_of(run)\n  call('RPUSH', log_key(run), record)\n",
                "  local lane = lane_of(run)\n\
                 \x20 if string.find(run, '[0-3]$') then return { 'ok', run } end\n\
                 \x20 call('RPUSH', log_key(run), record)\n",
            )],
            Self::NoParentCheck => &[("  if head ~= parent then return 'conflict' end\n", "")],
            Self::HeartbeatByPlainClaim => &[("    if by == worker then\n", "    if by then\n")],
            Self::TimerPoppedBeforeCommit => &[
                (
                    "local function timers(_, a) return call('ZRANGE', timers_key(a.next()), 0, -1, 'WITHSCORES') end",
                    "local function timers(_, a)\n\
                     \x20 local key = timers_key(a.next())\n\
                     \x20 local found = call('ZRANGE', key, 0, -1, 'WITHSCORES')\n\
                     \x20 call('DEL', key)\n\
                     \x20 return found\n\
                     end",
                ),
                ("offer('timers', timers, { 'no-writes' })", "offer('timers', timers, {})"),
            ],
            Self::QueuedOutsideTheCommit => &[(
                "  if head ~= parent then return 'conflict' end\n",
                "  if head ~= parent then\n\
                 \x20   for _ = 1, 8 do a.next() end\n\
                 \x20   for _ = 1, a.count() do a.next() a.next() a.next() end\n\
                 \x20   for _ = 1, a.count() do a.next() end\n\
                 \x20   for _ = 1, a.count() do\n\
                 \x20     local step, attempt, queue, payload = a.next(), a.next(), a.next(), a.next()\n\
                 \x20     push(run, step, attempt, 0, queue, payload)\n\
                 \x20   end\n\
                 \x20   return 'conflict'\n\
                 \x20 end\n",
            )],
            Self::StaleAttemptAccepted => {
                &[("    if place == place_of(id, attempt, queue) then\n", "    if place then\n")]
            }
            Self::CommandDroppedAfterConflict => &[(
                "  if head ~= parent then return 'conflict' end\n",
                "  if head ~= parent or string.find(id, '^[0]') then\n\
                 \x20   for _, item in ipairs(consumed) do consume(lane, run, item) end\n\
                 \x20   return head ~= parent and 'conflict' or 'none'\n\
                 \x20 end\n",
            )],
            Self::ResultKeyShared => &[(
                "  call('SET', value_key(run, id), value, 'PX', HOUR_MS)\n",
                "  local said = string.match(value, '\"text\":\"([^\"]+)\"') or ''\n\
                 \x20 local first = call('GET', P .. 'shared:' .. run .. said)\n\
                 \x20 if first then call('SET', value_key(run, first), value, 'PX', HOUR_MS) end\n\
                 \x20 call('SET', P .. 'shared:' .. run .. said, id)\n\
                 \x20 call('SET', value_key(run, id), value, 'PX', HOUR_MS)\n",
            )],
        }
    }

    /// Plants it in a Redis that a process of the product has used.
    ///
    /// # Panics
    /// If the functions are not there, or the place that is to be changed is not in them.
    pub fn plant(self, redis: &RedisServer) {
        change(redis, self.patches());
    }
}

/// Counts of commits in a store, from now on.
#[derive(Debug)]
pub struct CommitCounts(());

impl CommitCounts {
    const COMMITS: &str = "test:commits";
    const CONFLICTS: &str = "test:conflicts";

    /// Has the functions count.
    ///
    /// # Panics
    /// If the functions are not there, or not as they were.
    #[must_use]
    pub fn begin(redis: &RedisServer) -> Self {
        let patches: [Patch; 2] = [
            (
                "  if head ~= parent then return 'conflict' end\n",
                "  if head ~= parent then call('INCR', 'test:conflicts') return 'conflict' end\n",
            ),
            (
                "  keep_results(a, run)\n",
                "  call('INCR', 'test:commits')\n  keep_results(a, run)\n",
            ),
        ];
        change(redis, &patches);
        Self(())
    }

    /// Commits that went through, and those that were refused.
    ///
    /// # Panics
    /// If Redis does not answer.
    #[must_use]
    pub fn read(&self, redis: &RedisServer) -> (u64, u64) {
        let mut connection = redis.connect().unwrap();
        let mut count = |key: &str| -> u64 {
            let count: Option<u64> = redis::cmd("GET").arg(key).query(&mut connection).unwrap();
            count.unwrap_or(0)
        };
        (count(Self::COMMITS), count(Self::CONFLICTS))
    }
}

/// Changes the functions.
fn change(redis: &RedisServer, patches: &[Patch]) {
    let mut connection = redis.connect().unwrap();
    let mut list = redis::cmd("FUNCTION");
    list.arg("LIST").arg("LIBRARYNAME").arg("sortie_*").arg("WITHCODE");
    let mut text = library(&list.query(&mut connection).unwrap());
    for (place, instead) in patches {
        assert_eq!(text.matches(place).count(), 1, "{place:?}");
        text = text.replace(place, instead);
    }
    let mut load = redis::cmd("FUNCTION");
    load.arg("LOAD").arg("REPLACE").arg(text).exec(&mut connection).unwrap();
}

/// The text of the one library in a list of them.
fn library(list: &Value) -> String {
    let Value::Array(libraries) = list else { panic!("no list of libraries: {list:?}") };
    let [Value::Array(facts)] = libraries.as_slice() else { panic!("{} there", libraries.len()) };
    let text = |value: &Value| redis::from_redis_value_ref::<String>(value).unwrap_or_default();
    let code = facts.chunks(2).find(|pair| text(&pair[0]) == "library_code");
    code.map(|pair| text(&pair[1])).expect("the text of the library")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_store::{Redis, RedisOptions};

    #[tokio::test]
    async fn every_bug_has_its_place_in_the_functions() {
        let server = RedisServer::start().await;
        for bug in Bug::ALL {
            let mut connection = server.connect().unwrap();
            redis::cmd("FUNCTION").arg("FLUSH").exec(&mut connection).unwrap();
            let store = Redis::connect(RedisOptions::new(&server.url())).await.unwrap();
            bug.plant(&server);
            store.close().await;
        }
    }
}
