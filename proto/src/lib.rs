//! The contract between the services of Sortie and their clients: the generated code of
//! `sortie.v1` and the conversions between it and the engine's types.
//!
//! Wire types stay at the edge: everything behind a service works with the engine's types. One
//! file holds the conversions of one message family; a message that breaks the contract is refused
//! with the name of the field ([`BadField`]).

mod bad_field;
pub mod event;
pub mod failure;
pub mod goal;
mod plan;
mod run;
pub mod time;
mod tool;

pub use bad_field::BadField;

/// The generated code.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, unused_qualifications)]
pub mod v1 {
    tonic::include_proto!("sortie.v1");
}

/// The encoded `FileDescriptorSet` of the contract, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
