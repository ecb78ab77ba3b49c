//! The contract between the services of Sortie and their clients: the generated code of
//! `sortie.v1` and the conversions between it and the engine's types. Beside it, `sortie.store.v1`:
//! what a shared store keeps, which only processes of Sortie read.
//!
//! Wire types stay at the edge: everything behind a service works with the engine's types. One
//! file holds the conversions of one message family; a message that breaks the contract is refused
//! with the name of the field ([`BadField`]).

mod bad_field;
mod command;
pub mod event;
pub mod failure;
pub mod goal;
pub mod ids;
pub mod json;
mod plan;
mod run;
pub mod time;
mod tool;

pub use bad_field::BadField;

pub use sortie::store::v1 as store_v1;
pub use sortie::v1;

/// The generated code, nested like its packages: that is how it finds itself.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, unused_qualifications)]
mod sortie {
    pub mod v1 {
        tonic::include_proto!("sortie.v1");
    }
    pub mod store {
        pub mod v1 {
            tonic::include_proto!("sortie.store.v1");
        }
    }
}

/// The encoded `FileDescriptorSet` of `sortie.v1`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
