//! What an error of Redis means for whoever asked: come again, act, or never ask this again.

use redis::{ErrorKind, RedisError};

use crate::error::StoreError;

/// What an error tells of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is of no use any more, or Redis is not ready: another one may be better.
    Gone(String),
    /// Redis must not be used until somebody acts.
    Unfit(String),
    /// It answered what it should never answer.
    Broken(String),
}

impl Fault {
    pub(super) fn of(error: &RedisError) -> Self {
        let text = error.to_string();
        match error.code() {
            Some("OTHERSTORE") => Self::Unfit(other_store(error.detail())),
            Some("READONLY") => {
                Self::Unfit("Redis is a read-only replica: point Sortie at the primary".to_owned())
            }
            Some("OOM") => {
                Self::Unfit("Redis has no memory left: raise maxmemory, or let runs end".to_owned())
            }
            Some("MISCONF") => Self::Unfit(format!(
                "Redis cannot write to its disk: free space or mend the disk ({text})"
            )),
            Some("NOREPLICAS") => Self::Unfit(
                "Redis has too few replicas to be written: bring them back, or lower \
                 min-replicas-to-write"
                    .to_owned(),
            ),
            Some("NOAUTH" | "WRONGPASS") => {
                Self::Unfit("Redis refuses the password: put the right one into the URL".to_owned())
            }
            Some("NOPERM") => Self::Unfit(format!("Redis refuses a command to this user: {text}")),
            Some("LOADING") => Self::Gone("Redis is reading its files".to_owned()),
            Some("BUSY" | "TRYAGAIN" | "MASTERDOWN" | "CLUSTERDOWN") => Self::Gone(text),
            // Whoever connects loads the functions; they can be missing only if someone took them.
            _ if text.contains("Function not found") => {
                Self::Gone("the functions of Sortie were taken from Redis".to_owned())
            }
            _ if is_of_connection(error) => Self::Gone(reason(error)),
            _ => Self::Broken(text),
        }
    }

    pub(super) fn into_error(self, action: &'static str) -> StoreError {
        match self {
            Self::Gone(_) => StoreError::Unavailable { action },
            Self::Unfit(problem) => StoreError::Unfit { action, problem },
            Self::Broken(problem) => StoreError::Broken { action, problem },
        }
    }
}

/// Whether an error came up because a queue's group is not there.
pub(super) fn lacks_group(error: &RedisError) -> bool {
    error.code() == Some("NOGROUP") || error.to_string().contains("NOGROUP")
}

fn is_of_connection(error: &RedisError) -> bool {
    error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error()
}

/// What happened to a connection, without the words of the library around it.
pub(super) fn reason(error: &RedisError) -> String {
    match error.kind() {
        ErrorKind::AuthenticationFailed => "Redis refuses the password".to_owned(),
        _ if error.is_connection_refusal() => "the connection was refused".to_owned(),
        _ if error.is_timeout() => "no answer in time".to_owned(),
        _ => error.to_string(),
    }
}

/// For people: the store that was there when this process started is not there any more.
fn other_store(what: Option<&str>) -> String {
    let what = match what {
        Some(what) if what.contains("swapped") => "this Redis holds another store",
        _ => "this Redis was emptied",
    };
    format!(
        "{what}: its runs are not the ones this process works on. Put the right files or address \
         back, and it goes on by itself; or restart every process to begin with what is there now"
    )
}
