//! Commands that wait in the inbox of a lane.

use prost::Message as _;
use sortie_engine::Command;
use sortie_proto::store_v1;

use super::{BadBytes, read};

/// A command for an inbox.
pub(crate) fn encode(command: &Command) -> Vec<u8> {
    store_v1::Command::from(command).encode_to_vec()
}

/// The command that an item of an inbox tells of.
pub(crate) fn decode(bytes: &[u8]) -> Result<Command, BadBytes> {
    read("a command", bytes, |message: store_v1::Command| message.try_into())
}
