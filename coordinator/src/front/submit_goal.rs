//! `SubmitGoal`: accepts a goal. Nothing is acknowledged before it is durable.

use std::sync::Arc;

use prost::Message as _;
use sortie_engine::{CommitId, Goal, Lane, RunId};
use sortie_proto::{BadField, goal, v1};
use sortie_store::{Submission, Submitted};
use uuid::Uuid;

use super::Front;
use super::patience::resend;
use super::refusal::Refusal;

/// The longest idempotency key, in bytes: it is kept as long as its run.
const MAX_KEY_BYTES: usize = 256;
/// There is one shard so far.
const SHARD: u8 = 0;

pub(super) async fn submit_goal(
    front: &Front,
    request: v1::SubmitGoalRequest,
) -> Result<v1::SubmitGoalResponse, Refusal> {
    let goal = Arc::new(checked(front, &request)?);
    let lane = lane(front)?;
    let run = RunId::new(SHARD, lane, Uuid::now_v7().as_u128());
    let commit = CommitId::new(Uuid::new_v4().as_u128());
    let submission = Submission { run, commit, goal, idempotency: idempotency(request) };
    // The same names each time, so that a submission whose answer was lost is not a second one.
    let send = || front.parts.store.submit(vec![submission.clone()]);
    let Submitted { run, already } = resend(front.options.patience, send)
        .await?
        .pop()
        .ok_or(Refusal::NoRun(run))?
        .map_err(Refusal::Submission)?;
    tracing::Span::current().record("run", tracing::field::display(run));
    tracing::info!(already, "goal accepted");
    Ok(v1::SubmitGoalResponse { run_id: run.to_string(), already_submitted: already })
}

/// Every fault at once: a client should not have to find them one by one.
fn checked(front: &Front, request: &v1::SubmitGoalRequest) -> Result<Goal, Refusal> {
    let key = &request.idempotency_key;
    let long = (key.len() > MAX_KEY_BYTES).then(|| {
        let problem = format!("has {} bytes, at most {MAX_KEY_BYTES} fit", key.len());
        BadField::new("idempotency_key", problem)
    });
    let (goal, mut faults) = match goal::from_request(request, &front.options.limits) {
        Ok(goal) => (Some(goal), Vec::new()),
        Err(faults) => (None, faults),
    };
    faults.extend(long);
    goal.filter(|_| faults.is_empty()).ok_or(Refusal::BadRequest(faults))
}

/// A lane of ours, so that the run's life begins without a detour over another coordinator. One that
/// owns none takes any: whoever owns that lane hears of the run by its inbox.
fn lane(front: &Front) -> Result<Lane, Refusal> {
    let owned = fastrand::choice(front.parts.lanes.borrow().iter().copied());
    let any = || fastrand::choice(0..front.parts.store.lane_count()).map(Lane);
    owned.or_else(any).ok_or(Refusal::NoLane)
}

/// The key with a hash of everything else that was sent. Maps are ordered, so the same request is
/// the same bytes in every process and version that knows the same fields.
fn idempotency(mut request: v1::SubmitGoalRequest) -> Option<(String, u128)> {
    let key = std::mem::take(&mut request.idempotency_key);
    (!key.is_empty()).then(|| (key, fnv1a(&request.encode_to_vec())))
}

/// FNV-1a with 128 bits (Fowler, Noll, Vo): stable for ever, and against accidents only, which is
/// all that is asked of it: who wants to reuse a key for another body may.
fn fnv1a(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(fnv1a(b"foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn the_key_is_no_part_of_the_body_and_the_order_of_labels_does_not_count() {
        let request = |key: &str, labels: [(&str, &str); 2]| v1::SubmitGoalRequest {
            idempotency_key: key.to_owned(),
            labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..Default::default()
        };
        let hash = |request| idempotency(request).unwrap().1;
        let one = hash(request("k1", [("a", "1"), ("b", "2")]));
        assert_eq!(one, hash(request("k2", [("b", "2"), ("a", "1")])));
        assert_ne!(one, hash(request("k1", [("a", "1"), ("b", "3")])));
        assert_eq!(idempotency(request("", [("a", "1"), ("b", "2")])), None);
    }
}
