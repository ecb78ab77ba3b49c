//! What `doctor` wants to know of a Redis: everything that was looked at, good and bad.

use redis::RedisError;
use tokio::time::timeout;

use super::PATIENCE;
use super::connect::{ConnectError, dialer};
use super::fault::{Fault, reason};
use super::fitness::{Durability, Facts, Finding, functions};
use super::keeper::load_library;

/// Looks at a Redis without making a store of it; only the functions are loaded.
///
/// # Errors
/// If there is no Redis that answers, or it lets nobody in.
pub async fn inspect(url: &str, durability: Durability) -> Result<Vec<Finding>, ConnectError> {
    let (dialer, address) = dialer(url)?;
    let look = async {
        let mut connection = dialer.dial().await?;
        let facts = Facts::ask(&mut connection).await?;
        let fsync = Facts::ask_fsync(&mut connection).await?;
        let loaded = load_library(&mut connection).await;
        let mut findings = Facts { fsync, ..facts }.findings(durability);
        findings.push(functions(loaded.as_ref().err()));
        Ok(findings)
    };
    let silent = |reason| ConnectError::Silent { address: address.clone(), reason };
    let looked = timeout(PATIENCE * 2, look).await;
    looked.map_err(|_| silent("no answer in time".to_owned()))?.map_err(|error: RedisError| match (
        error.kind(),
        Fault::of(&error),
    ) {
        (redis::ErrorKind::AuthenticationFailed, _) => {
            ConnectError::Unfit { address: address.clone(), problem: reason(&error) }
        }
        (_, Fault::Unfit(problem)) => ConnectError::Unfit { address: address.clone(), problem },
        (_, Fault::Gone(_) | Fault::Broken(_)) => silent(reason(&error)),
    })
}
