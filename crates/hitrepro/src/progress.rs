//! What a person sees while stages run: bars on a terminal, plain lines elsewhere, nothing if asked. All on stderr.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hit_engine::{Observer, Outcome};
use hit_stage::Cancel;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::system::{duration_text, size_text};

/// In plain lines, a running stage tells how far it is this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The bar of the whole run, if the number of its stages is known.
const KNOWN: &str = "{bar:24} {pos}/{len} stages  {elapsed}";
/// The same, if it is not.
const UNKNOWN: &str = "{spinner} {pos} stages  {elapsed}";
/// The bar of a stage of which nothing is known yet.
const STARTED: &str = "  {spinner} {prefix}  {elapsed}";
/// The bar of files that are read for their digests.
const READING: &str = "  {spinner} digests of files  {bar:20} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
/// The bar of a step that is no stage.
const BYTES: &str = "  {bar:24} {msg}  {elapsed}, {eta} left";
/// The bar of a stage that tells how far it is.
const COUNTED: &str = "  {spinner} {prefix}  {bar:20} {pos}/{len} {msg}  {per_sec}  {eta} left";

/// Shows what happens and keeps how long each stage took.
pub struct Reporter {
    view: View,
    total: usize,
    state: Mutex<State>,
}

enum View {
    Quiet,
    Lines,
    Bars { all: MultiProgress, overall: ProgressBar },
}

#[derive(Default)]
struct State {
    done: usize,
    running: BTreeMap<String, Running>,
    /// Files that are read for their digests.
    hashing: Option<Running>,
    durations: BTreeMap<String, Duration>,
}

struct Running {
    bar: Option<ProgressBar>,
    since: Instant,
    told: Instant,
}

impl Reporter {
    /// A reporter of a run of `total` stages (0 if that is not known): bars if stderr is a terminal, else lines, or nothing if `quiet`.
    pub fn new(total: usize, quiet: bool) -> Self {
        let view = if quiet {
            View::Quiet
        } else if std::io::stderr().is_terminal() {
            let all = MultiProgress::new();
            let template = if total == 0 { UNKNOWN } else { KNOWN };
            let overall = all.add(ProgressBar::new(total as u64).with_style(style(template)));
            overall.enable_steady_tick(Duration::from_millis(250));
            View::Bars { all, overall }
        } else {
            View::Lines
        };
        Self { view, total, state: Mutex::default() }
    }

    /// How long each stage took that was executed.
    pub fn durations(&self) -> BTreeMap<String, Duration> {
        self.lock().durations.clone()
    }

    /// Takes the bars away.
    pub fn finish(&self) {
        if let View::Bars { all, overall } = &self.view {
            overall.finish_and_clear();
            all.clear().ok();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line above the bars.
    fn say(&self, text: &str) {
        match &self.view {
            View::Quiet => {}
            View::Lines => write_line(text),
            // Not `println` of the bars, which drops the text where they are hidden.
            View::Bars { all, .. } => all.suspend(|| write_line(text)),
        }
    }

    fn count(&self, state: &State) -> String {
        if self.total == 0 {
            return format!("[{}]", state.done);
        }
        format!("[{:>width$}/{}]", state.done, self.total, width = self.total.to_string().len())
    }
}

/// Writes a line; a reader that has gone away is no reason to stop a run.
fn write_line(text: &str) {
    writeln!(std::io::stderr().lock(), "{text}").ok();
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Observer for Reporter {
    fn started(&self, stage: &str) {
        let bar = match &self.view {
            View::Bars { all, .. } => {
                let bar = ProgressBar::no_length().with_style(style(STARTED));
                bar.set_prefix(stage.to_owned());
                let bar = all.add(bar);
                bar.enable_steady_tick(Duration::from_millis(250));
                Some(bar)
            }
            _ => None,
        };
        let now = Instant::now();
        self.lock().running.insert(stage.to_owned(), Running { bar, since: now, told: now });
    }

    fn progress(&self, stage: &str, done: u64, total: u64, unit: &str) {
        let mut line = None;
        if let Some(running) = self.lock().running.get_mut(stage) {
            if let Some(bar) = &running.bar {
                if bar.length() != Some(total) {
                    bar.set_length(total);
                    bar.set_style(style(COUNTED));
                    bar.set_message(unit.to_owned());
                }
                bar.set_position(done);
            } else if running.told.elapsed() >= LINE_EVERY {
                running.told = Instant::now();
                line = Some(progress_line(stage, done, total, unit, running.since.elapsed()));
            }
        }
        if let Some(line) = line {
            self.say(&line);
        }
    }

    fn hashing(&self, done: u64, total: u64) {
        let mut state = self.lock();
        let now = Instant::now();
        let reading = state.hashing.get_or_insert_with(|| {
            let bar = match &self.view {
                View::Bars { all, .. } => Some(all.add(ProgressBar::new(total).with_style(style(READING)))),
                _ => None,
            };
            Running { bar, since: now, told: now }
        });
        if let Some(bar) = &reading.bar {
            bar.set_length(total);
            bar.set_position(done);
        }
        let line = (reading.bar.is_none() && reading.told.elapsed() >= LINE_EVERY).then(|| {
            reading.told = now;
            let (done, total) = (size_text(done), size_text(total));
            format!(
                "  files of the corpus are read for their digests: {done} of {total} after {}",
                duration_text(reading.since.elapsed())
            )
        });
        if done >= total
            && let Some(bar) = state.hashing.take().and_then(|reading| reading.bar)
        {
            bar.finish_and_clear();
        }
        drop(state);
        if let Some(line) = line {
            self.say(&line);
        }
    }

    fn finished(&self, stage: &str, outcome: Outcome, duration: Duration) {
        let line = {
            let mut state = self.lock();
            state.done += 1;
            if let Some(bar) = state.running.remove(stage).and_then(|running| running.bar) {
                bar.finish_and_clear();
            }
            if outcome == Outcome::Executed {
                state.durations.insert(stage.to_owned(), duration);
            }
            format!("{} {stage}  {}", self.count(&state), duration_text(duration))
        };
        if let View::Bars { overall, .. } = &self.view {
            overall.inc(1);
        }
        // A thousand cached stages would bury the few that ran.
        if outcome == Outcome::Executed {
            self.say(&line);
        }
    }

    fn failed(&self, stage: &str, error: &str) {
        if let Some(bar) = self.lock().running.remove(stage).and_then(|running| running.bar) {
            bar.finish_and_clear();
        }
        self.say(&format!("FAILED {stage}: {error}"));
    }

    fn note(&self, text: &str) {
        self.say(&format!("note: {text}"));
    }
}

/// How far one long step is, for work that is no stage: a bar on a terminal, a line now and then elsewhere, nothing if asked.
pub struct Meter {
    quiet: bool,
    bar: Option<ProgressBar>,
    cancel: Cancel,
    told: Mutex<Instant>,
    since: Mutex<Instant>,
}

impl Meter {
    /// A meter that hears of `cancel`.
    pub fn new(quiet: bool, cancel: Cancel) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::no_length().with_style(style(BYTES));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        let now = Instant::now();
        Self { quiet, bar, cancel, told: Mutex::new(now), since: Mutex::new(now) }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Tells how far it is; `words` turns an amount into text.
    fn tell(&self, done: u64, total: Option<u64>, words: impl Fn(u64) -> String) {
        let shown = match total {
            Some(total) => format!("{} of {}", words(done), words(total)),
            None => words(done),
        };
        if let Some(bar) = &self.bar {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
            bar.set_message(shown);
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.quiet && told.elapsed() >= LINE_EVERY {
            *told = Instant::now();
            let since = self.since.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
            write_line(&format!("  {shown} after {}", duration_text(since)));
        }
    }

    /// A step begins, or something happened.
    fn say(&self, text: &str) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        match &self.bar {
            Some(bar) => bar.suspend(|| write_line(text)),
            None if !self.quiet => write_line(text),
            None => {}
        }
    }
}

impl hit_fetch::Watch for Meter {
    fn progress(&self, done: u64, total: Option<u64>) {
        self.tell(done, total, size_text);
    }

    fn note(&self, text: &str) {
        self.say(text);
    }

    fn cancelled(&self) -> bool {
        self.cancel.requested()
    }
}

impl hit_check::Watch for Meter {
    fn progress(&self, done: usize, total: usize) {
        self.tell(done as u64, Some(total as u64), |n| n.to_string());
    }

    fn cancelled(&self) -> bool {
        self.cancel.requested()
    }
}

impl hit_bench::Watch for Meter {
    fn progress(&self, done: u64, total: u64) {
        self.tell(done, Some(total), |n| n.to_string());
    }

    fn note(&self, text: &str) {
        self.say(text);
    }

    fn cancelled(&self) -> bool {
        self.cancel.requested()
    }
}

/// `  train/x: 40/100 steps, 8.0 steps/s, 7.5 s left`.
fn progress_line(stage: &str, done: u64, total: u64, unit: &str, since: Duration) -> String {
    let rate = done as f64 / since.as_secs_f64().max(1e-9);
    let left = if rate > 0.0 { total.saturating_sub(done) as f64 / rate } else { 0.0 };
    let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::ZERO);
    format!("  {stage}: {done}/{total} {unit}, {rate:.1} {unit}/s, {} left", duration_text(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_rate_and_time_left() {
        let line = progress_line("train/x", 40, 100, "steps", Duration::from_secs(5));
        assert_eq!(line, "  train/x: 40/100 steps, 8.0 steps/s, 7.5 s left");
        let start = progress_line("train/x", 0, 100, "steps", Duration::ZERO);
        assert_eq!(start, "  train/x: 0/100 steps, 0.0 steps/s, 0.0 s left");
        let past = progress_line("train/x", 7, 5, "steps", Duration::from_secs(1));
        assert!(past.ends_with("0.0 s left"), "{past}");
    }

    #[test]
    fn executed_stages_are_timed_and_all_are_counted() {
        let reporter = Reporter::new(12, true);
        reporter.started("a");
        reporter.progress("a", 1, 2, "steps");
        reporter.progress("unknown", 1, 2, "steps");
        reporter.finished("a", Outcome::Executed, Duration::from_secs(2));
        reporter.finished("b", Outcome::Cached, Duration::ZERO);
        reporter.started("c");
        reporter.failed("c", "no");
        reporter.note("x");
        reporter.finish();
        assert_eq!(reporter.durations(), BTreeMap::from([("a".to_owned(), Duration::from_secs(2))]));
        let state = reporter.lock();
        assert!(state.running.is_empty());
        assert_eq!(reporter.count(&state), "[ 2/12]");
    }

    #[test]
    fn templates_are_sound() {
        for template in [KNOWN, UNKNOWN, STARTED, COUNTED, READING, BYTES] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
