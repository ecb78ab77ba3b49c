//! What the whole-system tests share.

pub mod cluster;
pub mod simulation;
