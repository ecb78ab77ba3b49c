//! The bytes in which a shared store keeps records and queue entries and passes things on:
//! `sortie.store.v1` and `sortie.v1`, packed. One file holds one family; the conversions of the
//! engine's types are in `sortie-proto`.
//!
//! Bytes out of a store are input from a stranger: another version wrote them, or nobody of us did.
//! They are read whole or refused with what is wrong ([`BadBytes`]); nothing here panics. How many
//! there may be is the caller's to say.

pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod presence;
pub(crate) mod record;
pub(crate) mod signal;
pub(crate) mod summary;
#[cfg(test)]
mod tests;

use prost::Message;
use sortie_proto::BadField;

/// Bytes that are not what they should be. Reading them again does not help this version; a newer
/// one may know them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {what}: {problem}")]
pub(crate) struct BadBytes {
    /// What they should be.
    pub(crate) what: &'static str,
    /// Why they are not.
    pub(crate) problem: String,
}

/// Unpacks a message and converts it.
fn read<M: Message + Default, T>(
    what: &'static str,
    bytes: &[u8],
    convert: impl FnOnce(M) -> Result<T, BadField>,
) -> Result<T, BadBytes> {
    let message = M::decode(bytes).map_err(|e| BadBytes { what, problem: e.to_string() })?;
    convert(message).map_err(|bad| BadBytes { what, problem: bad.to_string() })
}
