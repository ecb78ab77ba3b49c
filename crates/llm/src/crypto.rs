//! The cryptography under TLS.

use std::sync::Once;

static INSTALLED: Once = Once::new();

/// Makes ring the cryptography of this process, where nothing else is yet. Every client of a model
/// does so when it is made; who makes a client of HTTP otherwise calls it before, since such a
/// client panics without one, even for plain HTTP.
pub fn install_crypto() {
    INSTALLED.call_once(|| {
        // It fails where the program has chosen another already: that one does as well.
        rustls::crypto::ring::default_provider().install_default().ok();
    });
}
