//! What calls cost.
