//! What a coordinator knows of one watched run: the end of its log, and what is live.
//!
//! A topic lives in a `tokio::sync::watch` channel: the hub changes it in place, watchers look at
//! it when it has changed and copy out what they have not seen. Nothing is queued for anybody.

use std::collections::VecDeque;
use std::sync::Arc;

use sortie_engine::{
    AttemptNumber, CommitId, Event, MAX_ANSWER_BYTES, Recorded, Seq, StepId, StepNumber, Timestamp,
    WorkerName,
};
use sortie_store::History;

use super::Place;

/// The events of one commit, or those of them that the reader has not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The commit.
    pub commit: CommitId,
    events: Arc<[Recorded]>,
    seen: usize,
}

/// A worker started an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptStarted {
    /// The step.
    pub step: StepId,
    /// Its label.
    pub number: StepNumber,
    /// Which try at it.
    pub attempt: AttemptNumber,
    /// Who.
    pub worker: WorkerName,
    /// When.
    pub at: Timestamp,
}

/// Text of an answer as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerText {
    /// Which attempt at the answer.
    pub attempt: AttemptNumber,
    /// Where the text belongs, in bytes from the start.
    pub offset: u64,
    /// The text.
    pub text: String,
}

/// How much of a topic somebody has seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) place: Place,
    pub(super) notices: u64,
    pub(super) answer: Option<(AttemptNumber, u64)>,
}

/// What a look at a topic finds.
#[derive(Debug)]
pub(super) enum Look {
    Events(Batch),
    Attempt(AttemptStarted),
    Text(AnswerText),
    /// The place is not in the part of the log that the topic keeps.
    Elsewhere,
    NoRun,
    Nothing,
}

/// Whether the log was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Not yet: its reading begins after this event.
    Waits(Seq),
    Done,
    /// There is no such run.
    NoRun,
}

/// What a piece of text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    New,
    /// Nothing new, or nothing that anybody waits for.
    Known,
    /// Text before it was missed.
    Gap,
}

/// What is known of one watched run.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) reading: Reading,
    /// The kept part of the log begins behind this place.
    start: Place,
    /// Where the log ends, as far as it was read.
    end: Place,
    commits: VecDeque<Batch>,
    bytes: usize,
    most_bytes: usize,
    notices: VecDeque<AttemptStarted>,
    notices_ended: u64,
    most_notices: usize,
    answer: Option<AnswerText>,
    /// Attempts at the answer up to this one are over.
    answers_over: u32,
}

impl Topic {
    pub(super) fn new(after: Seq, most_bytes: usize, most_notices: usize) -> Self {
        Self {
            reading: Reading::Waits(after),
            start: Place::START,
            end: Place::START,
            commits: VecDeque::new(),
            bytes: 0,
            most_bytes,
            notices: VecDeque::new(),
            notices_ended: 0,
            most_notices,
            answer: None,
            answers_over: 0,
        }
    }

    pub(super) fn is_read(&self) -> bool {
        !matches!(self.reading, Reading::Waits(_))
    }

    /// Where the log ends, as far as it was read.
    pub(super) fn end(&self) -> Place {
        self.end
    }

    /// Whether no more answers follow.
    pub(super) fn has_ended(&self) -> bool {
        self.answers_over == u32::MAX
    }

    /// After which event the next reading begins.
    pub(super) fn read_after(&self) -> Seq {
        match self.reading {
            Reading::Waits(after) => after,
            Reading::Done | Reading::NoRun => self.end.seq,
        }
    }

    /// Someone who begins to watch at this place: notices of before are none of theirs.
    pub(super) fn seen_from(&self, place: Place) -> Seen {
        Seen { place, notices: self.notices_ended, answer: None }
    }

    /// Takes in what was read of the log after `read_after()`. `false` if that is not the log of
    /// before: it must be read from the start.
    pub(super) fn extend(&mut self, history: History) -> bool {
        match self.reading {
            Reading::Waits(after) if after == Seq::ZERO || history.anchor.is_some() => {
                self.start = Place { seq: after, commit: history.anchor };
                self.end = self.start;
                self.reading = Reading::Done;
            }
            Reading::Done if self.end.commit == history.anchor => {}
            Reading::Waits(_) | Reading::Done | Reading::NoRun => {
                self.renew();
                return false;
            }
        }
        for (commit, events) in history.commits {
            self.push(commit, events);
        }
        true
    }

    /// Forgets the log.
    pub(super) fn renew(&mut self) {
        self.reading = Reading::Waits(Seq::ZERO);
        (self.start, self.end) = (Place::START, Place::START);
        self.commits.clear();
        self.bytes = 0;
        self.answer = None;
        self.answers_over = 0;
    }

    fn push(&mut self, commit: CommitId, events: Arc<[Recorded]>) {
        let Some(last) = events.last() else { return };
        self.end = Place { seq: last.seq, commit: Some(commit) };
        for recorded in events.iter() {
            self.bytes += recorded.event.weight();
            self.close_answers(&recorded.event);
        }
        self.commits.push_back(Batch { commit, events, seen: 0 });
        while self.bytes > self.most_bytes && self.commits.len() > 1 {
            let Some(oldest) = self.commits.pop_front() else { return };
            self.bytes -= oldest.weight();
            self.start = oldest.end();
        }
    }

    fn close_answers(&mut self, event: &Event) {
        match event {
            Event::AnswerAttemptFailed { attempt, .. } => {
                self.answers_over = self.answers_over.max(attempt.get());
            }
            event if event.ends_run() => self.answers_over = u32::MAX,
            _ => return,
        }
        let over = self.answers_over;
        self.answer.take_if(|answer| answer.attempt.get() <= over);
    }

    /// A live notice; the oldest one gives way.
    pub(super) fn notice(&mut self, notice: AttemptStarted) {
        if self.notices.len() == self.most_notices {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
        self.notices_ended += 1;
    }

    /// More text of the answer. What is kept begins at the start and has no gap: a piece behind one
    /// is not taken, for whoever writes the answer says all of it again when asked.
    pub(super) fn text(&mut self, attempt: AttemptNumber, offset: u64, text: &str) -> Text {
        let current = self.answer.as_ref().map_or(0, |answer| answer.attempt.get());
        let is_over = attempt.get() <= self.answers_over || attempt.get() < current;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if is_over || start.saturating_add(text.len()) > MAX_ANSWER_BYTES {
            return Text::Known;
        }
        let known = self.answer.as_ref().filter(|answer| answer.attempt == attempt);
        let known = known.map_or(0, |answer| answer.text.len());
        let Some(again) = known.checked_sub(start) else { return Text::Gap };
        let Some(fresh) = text.get(again..).filter(|fresh| !fresh.is_empty()) else {
            return Text::Known;
        };
        match self.answer.as_mut().filter(|answer| answer.attempt == attempt) {
            Some(answer) => answer.text.push_str(fresh),
            None => {
                self.answer = Some(AnswerText { attempt, offset: 0, text: fresh.to_owned() });
            }
        }
        Text::New
    }

    /// The next thing that somebody has not seen: events before what is only live.
    pub(super) fn look(&self, seen: &Seen) -> Look {
        match self.reading {
            Reading::NoRun => return Look::NoRun,
            Reading::Waits(_) => return Look::Nothing,
            Reading::Done => {}
        }
        match self.find(seen.place) {
            None => return Look::Elsewhere,
            Some(Some(batch)) => return Look::Events(batch),
            Some(None) => {}
        }
        if let Some(notice) = self.notice_after(seen.notices) {
            return Look::Attempt(notice);
        }
        self.text_after(seen.answer).map_or(Look::Nothing, Look::Text)
    }

    /// What follows a place: `None` if the place is not here, `Some(None)` at the end.
    fn find(&self, place: Place) -> Option<Option<Batch>> {
        if place.seq < self.start.seq || place.seq > self.end.seq {
            return None;
        }
        let next = self.commits.partition_point(|batch| batch.end().seq <= place.seq);
        let holder = match self.commits.get(next) {
            Some(batch) if batch.first() <= place.seq => Some(batch.commit),
            _ if place.seq == self.start.seq => self.start.commit,
            _ => next.checked_sub(1).and_then(|at| self.commits.get(at)).map(|b| b.commit),
        };
        (holder == place.commit).then(|| self.commits.get(next).map(|batch| batch.after(place.seq)))
    }

    /// The number of the first notice that is still here is `notices_ended - len`.
    fn notice_after(&self, seen: u64) -> Option<AttemptStarted> {
        let oldest = self.notices_ended - self.notices.len() as u64;
        let at = usize::try_from(seen.max(oldest) - oldest).ok()?;
        self.notices.get(at).cloned()
    }

    fn text_after(&self, seen: Option<(AttemptNumber, u64)>) -> Option<AnswerText> {
        let answer = self.answer.as_ref()?;
        let known =
            seen.filter(|(attempt, _)| *attempt == answer.attempt).map_or(0, |(_, end)| end);
        let offset = known.max(answer.offset);
        let fresh = answer.text.get(usize::try_from(offset - answer.offset).ok()?..)?;
        let text = || AnswerText { attempt: answer.attempt, offset, text: fresh.to_owned() };
        (!fresh.is_empty()).then(text)
    }

    /// The number that a watcher has seen after the notice that `look` gave for `seen`.
    pub(super) fn after_notice(&self, seen: u64) -> u64 {
        seen.max(self.notices_ended - self.notices.len() as u64) + 1
    }
}

impl AnswerText {
    /// Where the text ends, in bytes from the start of the answer.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + self.text.len() as u64
    }
}

impl Batch {
    pub(super) fn new(commit: CommitId, events: Arc<[Recorded]>) -> Option<Self> {
        (!events.is_empty()).then_some(Self { commit, events, seen: 0 })
    }

    /// The events, in order; at least one.
    #[must_use]
    pub fn events(&self) -> &[Recorded] {
        &self.events[self.seen..]
    }

    /// The place of the last event.
    #[must_use]
    pub fn end(&self) -> Place {
        let seq = self.events.last().map_or(Seq::ZERO, |last| last.seq);
        Place { seq, commit: Some(self.commit) }
    }

    fn first(&self) -> Seq {
        self.events.first().map_or(Seq::ZERO, |first| first.seq)
    }

    /// Those events that come after `seq`.
    pub(super) fn after(&self, seq: Seq) -> Self {
        let seen = self.events.partition_point(|recorded| recorded.seq <= seq);
        Self { seen, ..self.clone() }
    }

    fn weight(&self) -> usize {
        self.events.iter().map(|recorded| recorded.event.weight()).sum()
    }
}
