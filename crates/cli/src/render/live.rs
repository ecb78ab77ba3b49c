//! The face for a terminal: what happened scrolls by, what runs turns at the bottom.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::line::{Line, Mark};
use super::words;
use crate::text;
use crate::view::{StepView, View};

/// As often as an eye needs; one clock for all, no thread for each spinner.
const FRAME: Duration = Duration::from_millis(100);
/// As wide as the marks of the lines above.
const INDENT: &str = "         ";
/// More than this does not fit beside the rest on a small terminal; the others are counted.
const MAX_BARS: usize = 12;

/// Draws on stderr.
pub(super) struct Live {
    progress: MultiProgress,
    bars: BTreeMap<u32, Bar>,
    status: Option<ProgressBar>,
    /// The answer is being written: nothing may be drawn into its line.
    still: bool,
    frames: Interval,
    since: Instant,
}

struct Bar {
    spinner: ProgressBar,
    since: Instant,
    running: bool,
}

impl Live {
    pub(super) fn new(progress: MultiProgress) -> Self {
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let since = Instant::now();
        Self { progress, bars: BTreeMap::new(), status: None, still: false, frames, since }
    }

    pub(super) async fn tick(&mut self) {
        self.frames.tick().await;
    }

    /// Lets lines scroll by. That a step started is seen at the bottom.
    pub(super) fn lines(&self, lines: &[Line]) {
        let width = terminal_width();
        for line in lines.iter().filter(|line| line.mark != Mark::Start) {
            self.progress.println(paint(line, width)).ok();
        }
    }

    /// Lets go of what ended. The rest waits for the next frame: a thousand events must not mean
    /// a thousand drawings.
    pub(super) fn let_go(&mut self, view: &View) {
        let progress = &self.progress;
        self.bars.retain(|id, bar| {
            let stays = view.step(*id).is_some_and(StepView::at_work);
            if !stays {
                progress.remove(&bar.spinner);
            }
            stays
        });
    }

    /// Turns the spinners of what runs. Those that turn already come first, so that none jumps.
    pub(super) fn redraw(&mut self, view: &View) {
        if self.still {
            return;
        }
        self.let_go(view);
        let steps = view.steps();
        let mut open: Vec<_> = steps.iter().copied().filter(|step| step.at_work()).collect();
        open.sort_by_key(|step| !self.bars.contains_key(&step.id));
        for step in open.iter().take(MAX_BARS) {
            self.turn(step);
        }
        let ended = steps.iter().filter(|step| step.ended()).count();
        self.turn_status(open.len(), ended, steps.len());
    }

    /// Takes away everything that moves, for good: what follows is the answer.
    pub(super) fn clear(&mut self) {
        if std::mem::replace(&mut self.still, true) {
            return;
        }
        for bar in std::mem::take(&mut self.bars).into_values() {
            self.progress.remove(&bar.spinner);
        }
        if let Some(status) = self.status.take() {
            self.progress.remove(&status);
        }
        self.progress.clear().ok();
    }

    fn turn(&mut self, step: &StepView) {
        let bar = self.bars.entry(step.id).or_insert_with(|| {
            let spinner =
                ProgressBar::new_spinner().with_style(style("{spinner}        {wide_msg}"));
            let last = self.status.as_ref();
            let spinner = match last {
                Some(status) => self.progress.insert_before(status, spinner),
                None => self.progress.add(spinner),
            };
            Bar { spinner, since: Instant::now(), running: false }
        });
        if step.running && !bar.running {
            bar.running = true;
            bar.since = Instant::now();
        }
        // Its start may have gone by unseen: then this is the time since it was handed out.
        let time = text::elapsed(bar.since.elapsed());
        bar.spinner.set_message(words::turning(step, &time).row(terminal_width()));
        bar.spinner.tick();
    }

    fn turn_status(&mut self, open: usize, ended: usize, all: usize) {
        if all == 0 {
            return;
        }
        let progress = &self.progress;
        let status = self.status.get_or_insert_with(|| {
            progress.add(ProgressBar::new_spinner().with_style(style("{wide_msg}")))
        });
        let hidden = open.saturating_sub(MAX_BARS);
        let more = if hidden > 0 { format!(", {hidden} of them not shown") } else { String::new() };
        let elapsed = text::elapsed(self.since.elapsed());
        let words = format!("{ended} of {all} steps ended, {open} at work{more}, {elapsed}");
        status.set_message(format!("{INDENT}{words}"));
        status.tick();
        // The last line was filled up to the edge. Where the cursor stands the terminal writes `^C`:
        // there it would begin another line, and what is drawn next would miss its place.
        io::stderr().write_all(b"\r").ok();
    }
}

/// A terminal that does not tell is taken for one of the usual width.
fn terminal_width() -> usize {
    Term::stderr().size_checked().map_or(80, |(_, columns)| usize::from(columns))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn paint(line: &Line, width: usize) -> String {
    let style = match line.mark {
        Mark::Note => Style::new(),
        Mark::Plan | Mark::Start | Mark::More => Style::new().dimmed(),
        Mark::Done => AnsiColor::Green.on_default(),
        Mark::Retry | Mark::Skipped | Mark::Partial => AnsiColor::Yellow.on_default(),
        Mark::Failed => AnsiColor::Red.on_default(),
    };
    format!("{style}{}{style:#}{}", line.mark.column(), line.rows(width))
}
