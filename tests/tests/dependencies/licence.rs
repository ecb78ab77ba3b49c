//! Licence expressions as crates write them: SPDX, and the old `/` for `OR`.

/// Whether the expression can be met with licences of the list alone. A word that makes no sense is
/// a licence that is not on the list.
pub(crate) fn holds(expression: &str, list: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, list) && rest.is_empty()
}

/// `a OR b OR …`
fn either(rest: &mut &[&str], list: &[&str]) -> bool {
    let mut holds = both(rest, list);
    while take(rest, "OR") {
        // The right side must be read in any case.
        holds |= both(rest, list);
    }
    holds
}

/// `a AND b AND …`, which binds more strongly.
fn both(rest: &mut &[&str], list: &[&str]) -> bool {
    let mut holds = one(rest, list);
    while take(rest, "AND") {
        holds &= one(rest, list);
    }
    holds
}

/// `( … )`, a licence, or a licence with an exception: that is another licence.
fn one(rest: &mut &[&str], list: &[&str]) -> bool {
    if take(rest, "(") {
        let holds = either(rest, list);
        return take(rest, ")") && holds;
    }
    let Some((name, after)) = rest.split_first() else { return false };
    *rest = after;
    if take(rest, "WITH") {
        let exception = rest.split_off_first().copied().unwrap_or_default();
        return list.contains(&format!("{name} WITH {exception}").as_str());
    }
    list.contains(name)
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    let found = rest.first() == Some(&word);
    if found {
        *rest = &rest[1..];
    }
    found
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let list = ["MIT", "Zlib", "Unicode-3.0"];
    for met in [
        "MIT",
        "Apache-2.0 OR MIT",
        "Unlicense/MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
        "MIT OR Apache-2.0 AND BSD-3-Clause",
    ] {
        assert!(holds(met, &list), "{met}");
    }
    for not_met in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT WITH LLVM-exception",
        "(MIT",
        "MIT)",
        "MIT Zlib",
        "(MIT OR Apache-2.0) AND BSD-3-Clause",
    ] {
        assert!(!holds(not_met, &list), "{not_met}");
    }
}
