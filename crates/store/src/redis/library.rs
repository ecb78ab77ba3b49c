//! The functions inside Redis. Their library has a fingerprint of its text in its name, so two
//! versions of Sortie use the same Redis side by side, each with its own functions.

use std::sync::LazyLock;

/// One library in the order in which its parts know each other.
const TEXT: &str = concat!(
    include_str!("library/base.lua"),
    include_str!("library/runs.lua"),
    include_str!("library/queues.lua"),
    include_str!("library/lanes.lua"),
    include_str!("library/offer.lua"),
);

/// The library: its name and its text.
pub(super) struct Library {
    pub(super) name: String,
    pub(super) text: String,
}

pub(super) static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::of(TEXT));

impl Library {
    fn of(text: &str) -> Self {
        let name = format!("sortie_{:016x}", fingerprint(text.as_bytes()));
        Self { text: text.replace("@NAME@", &name), name }
    }

    /// The full name of a function.
    pub(super) fn function(&self, name: &str) -> String {
        format!("{}_{name}", self.name)
    }
}

/// FNV-1a, 64 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>. It must give the same everywhere
/// and for good, which the standard library's hashers do not promise.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_the_published_one() {
        assert_eq!(fingerprint(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn another_text_is_another_library() {
        let (one, two) = (Library::of("#!lua name=@NAME@"), Library::of("#!lua name=@NAME@ "));
        assert_ne!(one.name, two.name);
        assert_eq!(one.text, format!("#!lua name={}", one.name));
    }
}
