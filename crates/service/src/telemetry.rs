//! Logs: always on stderr (or the writer that draws there), as text or one JSON object a line.
//!
//! A panic is one `error` line with its place, for tools may panic and the process lives on.

use std::panic::PanicHookInfo;

use tracing::Metadata;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::LogFormat;

/// Libraries whose log holds what people ask and models write; no filter brings it back.
const SECRETIVE: [&str; 1] = ["genai"];

/// How loud a process is when nobody says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudness {
    /// Someone looks at the screen: warnings of our own crates, nothing of the libraries.
    Quiet,
    /// A server: its story, and the warnings of the libraries.
    Server,
}

impl Loudness {
    const fn directives(self) -> &'static str {
        match self {
            Self::Quiet => "off,sortie=warn",
            Self::Server => "warn,sortie=info",
        }
    }
}

/// Starts logging for the whole process, once.
///
/// `filter` has the usual directives (`debug`, `sortie_worker=trace,warn`) and was checked by the
/// configuration; without one, `loudness` decides.
///
/// # Errors
/// If the process logs already.
pub fn init<W>(
    format: LogFormat,
    filter: Option<&str>,
    loudness: Loudness,
    writer: W,
) -> Result<(), TryInitError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter_is_default = filter.is_none();
    let filter = EnvFilter::new(filter.unwrap_or_else(|| loudness.directives()));
    // Who looks at the screen and asked for no log wants the words alone.
    let words_alone = filter_is_default && loudness == Loudness::Quiet;
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(filter).with(FilterFn::new(may_be_told));
    match format {
        LogFormat::Text if words_alone => {
            let lines = lines.without_time().with_target(false).with_ansi(false);
            registry.with(lines).try_init()?;
        }
        LogFormat::Text => registry.with(lines.with_ansi(false)).try_init()?,
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn may_be_told(of: &Metadata<'_>) -> bool {
    let root = of.target().split("::").next().unwrap_or_default();
    !SECRETIVE.contains(&root)
}

/// What is wrong with filter directives; nothing if they hold.
pub(crate) fn filter_fault(directives: &str) -> Option<String> {
    let names_no_level = |part: &&str| {
        let bare = !part.contains(['=', '[']);
        bare && part.trim().parse::<tracing::metadata::LevelFilter>().is_err()
    };
    if let Some(part) = directives.split(',').find(names_no_level) {
        let part = part.trim();
        return Some(format!(
            "has `{part}`, which is no level: write off, error, warn, info, debug, trace or target=level"
        ));
    }
    EnvFilter::try_new(directives).err().map(|error| format!("cannot be read: {error}"))
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let said = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
    tracing::error!(said, location, thread, "panicked");
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_one_json_line_with_its_place_and_libraries_stay_silent() {
        let lines = Lines::default();
        let writer = lines.clone();
        init(LogFormat::Json, None, Loudness::Quiet, move || writer.clone()).unwrap();
        tracing::warn!(target: "h2::codec", "chatter of a library");
        tracing::info!(target: "sortie_worker", "chatter of ours");
        std::thread::spawn(|| panic!("on purpose")).join().unwrap_err();
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("on purpose") && text.contains("telemetry.rs:"), "{text}");
    }

    #[test]
    fn directives_that_would_silently_do_nothing_are_faults() {
        assert_eq!(filter_fault("warn,sortie_worker=trace"), None);
        assert_eq!(filter_fault("[run{run_id=r1}]=debug"), None);
        assert!(filter_fault("verbose").unwrap().contains("`verbose`"));
        assert!(filter_fault("sortie=loud").is_some());
    }
}
