//! What the whole-system tests share.

pub mod chaos;
pub mod cluster;
pub mod simulation;
