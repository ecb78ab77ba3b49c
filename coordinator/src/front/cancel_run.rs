//! `CancelRun`: ends a run. Answers when the history tells what became of the command.

use sortie_engine::{Command, CommandId, Event, MAX_COMMANDS, Recorded, RunId};
use sortie_proto::{BadField, v1};
use uuid::Uuid;

use super::patience::resend;
use super::refusal::Refusal;
use super::snapshot::Folded;
use super::{Front, run_id};
use crate::watch::News;

/// The longest name of a command, in bytes: the history keeps it.
const MAX_ID_BYTES: usize = 256;
/// The longest reason, in bytes: the history keeps it twice.
const MAX_REASON_BYTES: usize = 4096;

pub(super) async fn cancel_run(
    front: &Front,
    request: v1::CancelRunRequest,
) -> Result<v1::CancelRunResponse, Refusal> {
    let run = run_id(&request.run_id)?;
    let faults: Vec<_> = [
        ("command_id", request.command_id.len(), MAX_ID_BYTES),
        ("reason", request.reason.len(), MAX_REASON_BYTES),
    ]
    .into_iter()
    .filter(|(_, bytes, most)| bytes > most)
    .map(|(field, bytes, most)| BadField::new(field, format!("has {bytes} bytes, not {most}")))
    .collect();
    if !faults.is_empty() {
        return Err(Refusal::BadRequest(faults));
    }
    let command = match request.command_id.as_str() {
        "" => CommandId::new(&Uuid::new_v4().simple().to_string()),
        id => CommandId::new(id),
    };
    let late = || Refusal::CommandWaits(command.clone());
    let carried_out = carry_out(front, run, &command, request.reason);
    let state = tokio::time::timeout(front.options.command_timeout, carried_out);
    let state = state.await.map_err(|_| late())??;
    Ok(v1::CancelRunResponse { state: state.into() })
}

/// Watches from before the command is sent, so that its event cannot be missed.
async fn carry_out(
    front: &Front,
    run: RunId,
    command: &CommandId,
    reason: String,
) -> Result<v1::RunState, Refusal> {
    let store = front.parts.store.as_ref();
    let mut folded = Folded::load(store, run).await?;
    if let Some(verdict) = known_verdict(&folded, command) {
        return verdict;
    }
    let mut watcher = front.watch(run, folded.place).await?;
    let cancel = Command::Cancel { command: command.clone(), reason };
    resend(front.options.patience, || store.send(vec![(run, cancel.clone())])).await?;
    loop {
        match watcher.next().await? {
            News::Events(batch) => {
                let mut verdict = None;
                for recorded in batch.events() {
                    folded.run.apply(recorded.at, &recorded.event);
                    verdict = verdict.or_else(|| verdict_in(recorded, command));
                }
                if let Some(verdict) = verdict {
                    return verdict.map(|()| folded.run.state().into());
                }
            }
            News::Attempt(_) | News::Text(_) => {}
            News::Diverged => {
                folded = Folded::load(store, run).await?;
                watcher.jump(folded.place);
                if let Some(verdict) = known_verdict(&folded, command) {
                    return verdict;
                }
            }
        }
    }
}

/// What is known of the command without asking: what the history says, or that it holds so many
/// commands that the engine will not take another.
fn known_verdict(folded: &Folded, command: &CommandId) -> Option<Result<v1::RunState, Refusal>> {
    if let Some(verdict) = folded.events().find_map(|recorded| verdict_in(recorded, command)) {
        return Some(verdict.map(|()| folded.run.state().into()));
    }
    let is_command =
        |r: &&Recorded| matches!(r.event, Event::CommandDone { .. } | Event::CommandRefused { .. });
    let is_full = folded.events().filter(is_command).count() >= MAX_COMMANDS;
    let message = || format!("the run has already taken {MAX_COMMANDS} commands");
    is_full.then(|| Err(Refusal::CommandRefused(message())))
}

fn verdict_in(recorded: &Recorded, command: &CommandId) -> Option<Result<(), Refusal>> {
    match &recorded.event {
        Event::CommandDone { command: done } if done == command => Some(Ok(())),
        Event::CommandRefused { command: refused, message } if refused == command => {
            Some(Err(Refusal::CommandRefused(message.clone())))
        }
        _ => None,
    }
}
