//! The loop over decide, settle and apply: everything that waits for a run becomes one commit.

use crate::command::Command;
use crate::decision::{CommitBudget, Context, Decision, Folded};
use crate::event::Recorded;
use crate::invariants::{check_commit, check_run};
use crate::run::{Run, StepState};

impl Run {
    /// Takes commands while the budget lasts, then settles; the state is that after the commit.
    /// How many commands it took is told: the others wait for the next commit.
    pub fn advance<'c>(
        &mut self,
        commands: impl IntoIterator<Item = &'c Command>,
        cx: &Context<'_>,
        mut budget: CommitBudget,
    ) -> Folded {
        let (before, room) = (self.seq(), budget.bytes);
        let mut folded = Folded::default();
        for command in commands {
            if budget.is_spent() {
                break;
            }
            match self.decide(command, cx) {
                Ok(decision) => {
                    charge(&decision, &mut budget);
                    self.fold(decision, cx, &mut folded);
                }
                Err(refusal) => folded.refused.push(refusal),
            }
            folded.taken += 1;
        }
        loop {
            let decision = self.settle(cx, &mut budget);
            if decision.is_empty() {
                break;
            }
            self.fold(decision, cx, &mut folded);
        }
        // What was queued and ended within this commit was never out: nobody may get it.
        folded.ready.retain(|ready| {
            let step = self.step(ready.step);
            step.is_some_and(|step| step.state == StepState::Queued(ready.attempt))
        });
        folded.bytes = room - budget.bytes;
        debug_assert_eq!(check_run(self, cx.now), []);
        debug_assert_eq!(check_commit(before, &folded, self), []);
        folded
    }

    fn fold(&mut self, decision: Decision, cx: &Context<'_>, folded: &mut Folded) {
        for event in decision.events {
            self.apply(cx.now, &event);
            folded.events.push(Recorded { seq: self.seq, at: cx.now, event });
        }
        folded.ready.extend(decision.ready);
        folded.withdrawn.extend(decision.withdrawn);
        folded.results.extend(decision.results);
        folded.start = decision.start.or(folded.start);
    }
}

/// What a command's own decision takes from the budget. It is never held back: a command is either
/// wholly in a commit or not at all.
fn charge(decision: &Decision, budget: &mut CommitBudget) {
    let results = decision.results.iter().filter(|(_, result)| result.fits_inline());
    let values: u64 = results.map(|(_, result)| result.bytes).sum();
    let events: usize = decision.events.iter().map(crate::event::Event::weight).sum();
    let writes = decision.results.len() + decision.withdrawn.len() + 1;
    budget.writes = budget.writes.saturating_sub(writes);
    let bytes = events + usize::try_from(values).unwrap_or(usize::MAX);
    budget.bytes = budget.bytes.saturating_sub(bytes);
}
