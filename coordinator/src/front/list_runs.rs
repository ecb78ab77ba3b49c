//! `ListRuns`: runs, the newest first.

use prost::Message as _;
use sortie_engine::RunState;
use sortie_proto::{BadField, v1};
use sortie_store::{ListPage, ListQuery, PageToken};

use super::Front;
use super::cursor::{page_text, parse_page};
use super::refusal::Refusal;

/// A page of unasked-for size.
const USUAL_PAGE: u32 = 50;
/// The largest page.
const LARGEST_PAGE: u32 = 500;
/// The largest page in bytes: lines with the longest labels would not fit into a message, and such
/// a page could never be read.
const PAGE_BYTES: usize = 3 * 1024 * 1024;

pub(super) async fn list_runs(
    front: &Front,
    request: v1::ListRunsRequest,
) -> Result<v1::ListRunsResponse, Refusal> {
    let page = front.parts.store.list(query(request).map_err(Refusal::BadRequest)?).await?;
    Ok(fitting(&page, PAGE_BYTES))
}

/// As much of the page as fits, at least one line; the rest is the next page.
fn fitting(page: &ListPage, most: usize) -> v1::ListRunsResponse {
    let mut left = most;
    let mut runs = Vec::with_capacity(page.runs.len());
    for line in page.runs.iter().map(v1::RunSummary::from) {
        let bytes = line.encoded_len();
        if bytes > left && !runs.is_empty() {
            break;
        }
        left = left.saturating_sub(bytes);
        runs.push(line);
    }
    let last = page.runs.get(runs.len().wrapping_sub(1)).filter(|_| runs.len() < page.runs.len());
    let cut = last.map(|last| PageToken { submitted_at: last.submitted_at, run: last.run });
    let next = cut.or(page.next);
    v1::ListRunsResponse { runs, next_page_token: next.as_ref().map(page_text).unwrap_or_default() }
}

fn query(request: v1::ListRunsRequest) -> Result<ListQuery, Vec<BadField>> {
    let mut faults = Vec::new();
    let after = parse_page(&request.page_token).unwrap_or_else(|bad| {
        faults.push(bad);
        None
    });
    let mut states = Vec::new();
    for state in request.states {
        let known = v1::RunState::try_from(state).ok().and_then(|s| RunState::try_from(s).ok());
        match known {
            Some(state) => states.push(state),
            None => faults.push(BadField::new("states", format!("has no state {state}"))),
        }
    }
    let size = match request.page_size {
        0 => USUAL_PAGE,
        size => size.min(LARGEST_PAGE),
    };
    let limit = usize::try_from(size).unwrap_or(usize::MAX);
    let query = ListQuery { limit, after, states, labels: request.labels };
    if faults.is_empty() { Ok(query) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use sortie_engine::{Lane, RunId, Timestamp};
    use sortie_store::RunSummary;

    fn summary(unique: u128) -> RunSummary {
        RunSummary {
            run: RunId::new(0, Lane(0), unique),
            goal: Arc::from("g".repeat(200)),
            state: RunState::Planning,
            partial: false,
            submitted_at: Timestamp::from_millis(1),
            ended_at: None,
            steps: 0,
            steps_ended: 0,
            labels: Arc::new(BTreeMap::new()),
        }
    }

    #[test]
    fn a_page_that_is_too_large_is_cut_and_goes_on_with_the_next() {
        let runs: Vec<_> = (0..5).map(summary).collect();
        let page = ListPage { runs, next: None };
        let next = |most| {
            let cut = fitting(&page, most);
            (cut.runs.len(), parse_page(&cut.next_page_token).unwrap().map(|token| token.run))
        };
        assert_eq!(next(600), (2, Some(page.runs[1].run)));
        assert_eq!(next(0), (1, Some(page.runs[0].run)));
        assert_eq!(next(PAGE_BYTES), (5, None));
    }
}
