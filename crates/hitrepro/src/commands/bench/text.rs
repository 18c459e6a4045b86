//! The report for people: a row an arm, a row an experiment.

use std::time::Duration;

use hit_bench::{Forecast, Measured, Origin, Run};

use super::{Foretold, Report};
use crate::output::{columns, plural, put};
use crate::system::{duration_text, size_text};

/// The report; `profile_batch` is the batch that the campaign trains with.
pub(super) fn text(report: &Report, profile_batch: usize) -> String {
    let mut out = String::new();
    let batch = report.arms.first().map_or(profile_batch, |arm| arm.batch);
    put(
        &mut out,
        format_args!(
            "profile {} on {}: {}, {}, {}; batches of {batch} windows\n\n",
            report.profile,
            report.device,
            report.backend,
            plural(report.threads, "thread"),
            report.precision,
        ),
    );
    out += &arms_text(&report.arms);
    for Measured { arm, hash, hash_after, .. } in &report.arms {
        if let (Some(hash), Some(steps)) = (hash, hash_after) {
            put(&mut out, format_args!("{arm} after {}: {hash}\n", plural(*steps as usize, "step")));
        }
    }
    out.push('\n');
    out += &forecast_text(&report.forecast);
    if batch != profile_batch {
        put(
            &mut out,
            format_args!("the campaign has batches of {profile_batch}: the time of a window is taken to be the same\n"),
        );
    }
    out
}

fn arms_text(arms: &[Measured]) -> String {
    let ms = |value: f64| if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") };
    let rate = |value: f64| if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    let row = |arm: &Measured| {
        let (step, parts) = (arm.step_ms, arm.parts_ms);
        let times = [step.median, step.min, step.p90, parts.upload, parts.forward, parts.backward, parts.optimizer];
        let mut row = vec![arm.arm.clone(), arm.n_trained.to_string(), format!("{:.1}", arm.first_step_s)];
        row.extend(times.map(ms));
        row.extend([rate(arm.windows_per_s), rate(arm.embed_windows_per_s)]);
        row.push(arm.peak_memory_bytes.map_or_else(|| "-".to_owned(), size_text));
        row
    };
    let heads = [
        "arm",
        "trained",
        "first s",
        "step ms",
        "min",
        "p90",
        "upload",
        "forward",
        "backward",
        "optimizer",
        "windows/s",
        "embedded/s",
        "memory",
    ];
    let mut out = columns(&heads, &(1..heads.len()).collect::<Vec<_>>(), arms.iter().map(row));
    let counts: Vec<String> = arms.iter().map(|arm| arm.step_ms.n.to_string()).collect();
    if let Some(arm) = arms.first() {
        put(
            &mut out,
            format_args!(
                "medians of {} steps; windows of {} samples and {} notes in the mean, drawn from a seed; parts are of other steps\n",
                counts.join(", "),
                arm.n_samples,
                arm.n_notes
            ),
        );
    }
    if arms.iter().any(|arm| arm.peak_memory_bytes.is_none()) {
        out += "memory: neither the system nor nvidia-smi tells how much this process has\n";
    }
    out
}

fn forecast_text(told: &Foretold) -> String {
    let Foretold { forecast, windows, corpus } = told;
    let bound = if forecast.at_most { "at most " } else { "" };
    let mut rows: Vec<Vec<String>> = experiments(&forecast.runs).iter().map(|row| row.cells(bound)).collect();
    rows.push(match (forecast.embed_windows, forecast.embed_hours) {
        (Some(n), Some(hours)) => row("embedding", String::new(), format!("{n} windows"), time(hours), String::new()),
        _ => row("embedding", String::new(), "unknown".to_owned(), "-".to_owned(), String::new()),
    });
    rows.push(row(
        "all",
        String::new(),
        String::new(),
        format!("{bound}{}", time(forecast.total_hours)),
        String::new(),
    ));
    let mut out = columns(&["forecast", "runs", "steps", "one device", "from"], &[1, 2, 3], rows);
    put(&mut out, format_args!("{}\n", shared(forecast, bound)));
    if let Some(why) = corpus {
        put(&mut out, format_args!("note: {why}\n"));
    }
    if forecast.at_most {
        let unknown: Vec<&str> = windows.iter().filter(|(_, n)| n.is_none()).map(|(split, _)| split.as_str()).collect();
        put(
            &mut out,
            format_args!(
                "the windows of {} are not known: steps are a bound, embedding is left out\n",
                unknown.join(", ")
            ),
        );
    }
    out += "left out: corpus, descriptors, statistics, and what the disk takes\n";
    out
}

fn shared(forecast: &Forecast, bound: &str) -> String {
    let hours = forecast.total_hours;
    match forecast.n_devices {
        1 => format!("{bound}{hours:.2} device hours, on one device"),
        n => {
            let shared = forecast.hours_on_devices;
            format!("{bound}{hours:.2} device hours; {} shared by {n} at the same time", time(shared))
        }
    }
}

/// The runs of an experiment.
struct Experiment<'a> {
    name: &'a str,
    runs: usize,
    measured: usize,
    steps: u64,
    hours: f64,
}

impl Experiment<'_> {
    fn cells(&self, bound: &str) -> Vec<String> {
        let from = match self.measured {
            n if n == self.runs => "measured".to_owned(),
            0 => "by operations".to_owned(),
            n => format!("{n} measured, {} by operations", self.runs - n),
        };
        row(self.name, self.runs.to_string(), format!("{bound}{}", self.steps), time(self.hours), from)
    }
}

/// The runs by experiment, the second part of their ids, in the order of the graph.
fn experiments(runs: &[Run]) -> Vec<Experiment<'_>> {
    let mut found: Vec<Experiment> = Vec::new();
    for run in runs {
        let name = run.stage.split('/').nth(1).unwrap_or(&run.stage);
        let idx = found.iter().position(|experiment| experiment.name == name).unwrap_or_else(|| {
            found.push(Experiment { name, runs: 0, measured: 0, steps: 0, hours: 0.0 });
            found.len() - 1
        });
        let experiment = &mut found[idx];
        experiment.runs += 1;
        experiment.measured += usize::from(run.from == Origin::Measured);
        experiment.steps += run.steps;
        experiment.hours += run.hours;
    }
    found
}

fn row(name: &str, runs: String, steps: String, time: String, from: String) -> Vec<String> {
    vec![name.to_owned(), runs, steps, time, from]
}

fn time(hours: f64) -> String {
    Duration::try_from_secs_f64(hours * 3600.0).map_or_else(|_| "-".to_owned(), duration_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stage: &str, steps: u64, hours: f64, from: Origin) -> Run {
        Run { stage: stage.into(), arm: "x".into(), steps, hours, from, like: "x".into() }
    }

    fn told(at_most: bool) -> Foretold {
        let runs = vec![
            run("train/foundation/D0@c#42", 30_000, 1.0, Origin::Measured),
            run("train/screening/D0@c#42", 5_000, 0.25, Origin::Measured),
            run("train/screening/A7@c#42", 5_000, 0.5, Origin::Flops),
            run("train/t02/d4a4@c#1", 100, 0.005, Origin::Flops),
        ];
        let known = (!at_most).then_some(100);
        Foretold {
            forecast: Forecast {
                runs,
                train_hours: 1.755,
                embed_windows: known.map(|n| n * 10),
                embed_hours: known.map(|_| 0.1),
                total_hours: if at_most { 1.755 } else { 1.855 },
                at_most,
                n_devices: if at_most { 1 } else { 2 },
                hours_on_devices: if at_most { 1.755 } else { 0.9275 },
            },
            windows: ["train", "validation"].map(|split| (split.to_owned(), known)).into(),
            corpus: at_most.then(|| "the corpus is not at x".to_owned()),
        }
    }

    #[test]
    fn experiments_are_summed_in_their_order() {
        insta::assert_snapshot!(forecast_text(&told(false)), @r"
        forecast    runs         steps   one device  from
        foundation     1         30000   1 h 00 min  measured
        screening      2         10000  45 min 00 s  1 measured, 1 by operations
        t02            1           100       18.0 s  by operations
        embedding         1000 windows   6 min 00 s
        all                              1 h 51 min
        1.85 device hours; 55 min 39 s shared by 2 at the same time
        left out: corpus, descriptors, statistics, and what the disk takes
        ");
    }

    #[test]
    fn bounds_are_called_bounds() {
        insta::assert_snapshot!(forecast_text(&told(true)), @r"
        forecast    runs          steps          one device  from
        foundation     1  at most 30000          1 h 00 min  measured
        screening      2  at most 10000         45 min 00 s  1 measured, 1 by operations
        t02            1    at most 100              18.0 s  by operations
        embedding               unknown                   -
        all                              at most 1 h 45 min
        at most 1.75 device hours, on one device
        note: the corpus is not at x
        the windows of train, validation are not known: steps are a bound, embedding is left out
        left out: corpus, descriptors, statistics, and what the disk takes
        ");
    }
}
