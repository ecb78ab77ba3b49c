//! How many tests ran: read from the closing lines of nextest, cargo's own runner and Python's
//! unittest.

use std::fmt;

/// The tests of all runners together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// What unittest ran: it says only afterwards how that went.
    open: u64,
}

impl Totals {
    /// Whether any test ran.
    pub(super) const fn any(&self) -> bool {
        self.passed + self.failed > 0
    }

    /// Takes a line of a runner's output; most are no closing lines.
    pub(super) fn hear(&mut self, full: &str) {
        let line = full.trim();
        if let Some(rest) = line.strip_prefix("Summary [") {
            // `Summary [ 1.2s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 3 skipped`
            let ran = number_before(rest, " tests run").or(number_before(rest, " test run"));
            let passed = number_before(rest, " passed").unwrap_or(0);
            self.add(passed, ran.unwrap_or(passed), number_before(rest, " skipped"));
        } else if let Some(rest) = full.strip_prefix("test result: ") {
            // Indented, it is the output of a failed test that nextest has counted already.
            // `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`
            let passed = number_before(rest, " passed").unwrap_or(0);
            let failed = number_before(rest, " failed").unwrap_or(0);
            self.add(passed, passed + failed, number_before(rest, " ignored"));
        } else if let Some(rest) = line.strip_prefix("Ran ") {
            // `Ran 8 tests in 2.345s`
            let ran = number_before(rest, " tests in").or(number_before(rest, " test in"));
            self.open = ran.unwrap_or(0);
        } else if self.open > 0 && (line.starts_with("OK") || line.starts_with("FAILED (")) {
            // `OK`, `OK (skipped=1)`, `FAILED (failures=1, errors=1)`
            let count = |name| number_after(line, name).unwrap_or(0);
            let failed = count("(failures=") + count("errors=") + count("unexpected successes=");
            let (ran, skipped) = (std::mem::take(&mut self.open), count("skipped="));
            let passed = ran.saturating_sub(failed + skipped);
            self.add(passed, passed + failed, Some(skipped));
        }
    }

    fn add(&mut self, passed: u64, ran: u64, skipped: Option<u64>) {
        self.passed += passed;
        self.failed += ran.saturating_sub(passed);
        self.skipped += skipped.unwrap_or(0);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

fn number_before(text: &str, word: &str) -> Option<u64> {
    let (before, _) = text.split_once(word)?;
    let digits = before.bytes().rev().take_while(u8::is_ascii_digit).count();
    before[before.len() - digits..].parse().ok()
}

fn number_after(text: &str, word: &str) -> Option<u64> {
    let (_, after) = text.split_once(word)?;
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    after[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> String {
        let mut totals = Totals::default();
        lines.iter().for_each(|line| totals.hear(line));
        totals.to_string()
    }

    #[test]
    fn the_closing_lines_of_all_runners_are_added_up() {
        let nextest = "     Summary [   1.234s] 600 tests run: 600 passed (1 slow), 0 skipped";
        let cargo = "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
        let lines = [nextest, "Ran out of paper", cargo, "Ran 8 tests in 2.345s", "", "OK"];
        assert_eq!(heard(&lines), "613 passed, 0 failed");
    }

    #[test]
    fn whatever_ran_and_did_not_pass_has_failed() {
        let nextest = "Summary [ 9.1s] 9 tests run: 6 passed, 2 failed, 1 timed out, 4 skipped";
        assert_eq!(heard(&[nextest]), "6 passed, 3 failed, 4 skipped");
        let cargo = "test result: FAILED. 2 passed; 1 failed; 3 ignored; 0 measured";
        assert_eq!(heard(&[cargo]), "2 passed, 1 failed, 3 skipped");
        assert_eq!(heard(&["    test result: FAILED. 0 passed; 1 failed"]), "0 passed, 0 failed");
        let python = ["Ran 1 test in 0.1s", "FAILED (errors=1)"];
        assert_eq!(heard(&python), "0 passed, 1 failed");
        let python = ["Ran 9 tests in 0.1s", "FAILED (failures=2, errors=1, skipped=1)"];
        assert_eq!(heard(&python), "5 passed, 3 failed, 1 skipped");
    }

    #[test]
    fn nothing_heard_is_nothing_run() {
        let mut totals = Totals::default();
        totals.hear("OK");
        assert!(!totals.any());
    }
}
