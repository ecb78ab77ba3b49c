//! The durable part of Sortie.
