//! The sortie program: an embedded cluster and the client of a remote one.
