//! The check itself: all performances in parallel, then what concerns several of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use hit_corpus::Listed;
use rayon::prelude::*;

use crate::overlap::overlaps;
use crate::performance::{self, Examined, Place};
use crate::report::{Finding, Kind, Measured, Report, Severity, Summary};
use crate::table::Table;
use crate::{Error, Options, Watch, strays, sums, table};

/// Other performances whose MIDI is held against audio that does not fit its own.
const MAX_CANDIDATES: usize = 64;

/// Holds the corpus in `root` against its table.
///
/// # Memory
/// One performance per thread. With [`crate::Reading::Reach`] of r seconds that is 8 bytes for each sample of the file
/// that is decoded (mono), 4 at 24 kHz and 32 kB per second for the correlation, in all about 0.5 MB per second of r at
/// 44.1 kHz: 50 MB for 103 s. Of three hours of eight channels at 192 kHz 128 MB were measured, of the whole process.
/// # Errors
/// [`Error`] if there is no corpus, an option is wrong or `watch` says stop. What is wrong in the corpus is in the report.
pub fn check(root: &Path, options: &Options, watch: &dyn Watch) -> Result<Report, Error> {
    options.check()?;
    let threads = rayon::ThreadPoolBuilder::new().num_threads(options.jobs).build();
    let threads = threads.map_err(|error| Error::Threads { jobs: options.jobs, what: error.to_string() })?;
    let table = table::read(root)?;
    threads.install(|| run(root, options, watch, table))
}

/// Steps made, for whoever watches.
struct Steps<'a> {
    watch: &'a dyn Watch,
    done: AtomicUsize,
    total: AtomicUsize,
}

impl Steps<'_> {
    /// Runs one step, unless the check is to stop.
    fn step<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        if self.watch.cancelled() {
            let [done, total] = [&self.done, &self.total].map(|n| n.load(Ordering::Relaxed));
            return Err(Error::Cancelled { done, total });
        }
        let result = work()?;
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.watch.progress(done, self.total.load(Ordering::Relaxed));
        Ok(result)
    }
}

fn run(root: &Path, options: &Options, watch: &dyn Watch, table: Table) -> Result<Report, Error> {
    let Table { name, rows, faults } = table;
    let mut corpus = faults;
    let is_there = rows.iter().any(|row| row.audio.is_some());
    if options.audio && !is_there && !rows.is_empty() {
        corpus.push(no_audio(&name, rows.len()));
    }
    let (digests, bad_lists) = digests(root, options, &name, &rows)?;
    corpus.extend(bad_lists);
    let total = AtomicUsize::new(rows.len() + digests.len());
    let steps = Steps { watch, done: AtomicUsize::new(0), total };

    let place = Place { root, options, audio_expected: is_there };
    let examine = |row: &Listed| steps.step(|| performance::examine(&place, row));
    let mut examined = rows.par_iter().map(examine).collect::<Result<Vec<Examined>, Error>>()?;
    find_partners(&place, &rows, &mut examined, &steps)?;
    without_pedal(&rows, &mut examined);

    let verify = |sum| steps.step(|| Ok(sums::verify(root, sum)));
    let wrong: Vec<Finding> =
        digests.par_iter().map(verify).collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect();
    let n_digests_right = digests.len() - wrong.len();
    assign(wrong, root, &rows, &mut examined, &mut corpus);

    corpus.extend(other_extensions(root, &rows));
    let named: Vec<_> = rows.iter().flat_map(|row| [&row.midi, &row.audio]).flatten().collect();
    corpus.extend(strays::findings(root, &named));
    Ok(report(name, &rows, examined, corpus, n_digests_right))
}

fn report(table: String, rows: &[Listed], examined: Vec<Examined>, corpus: Vec<Finding>, n_right: usize) -> Report {
    let mut findings = corpus;
    let mut performances: Vec<Measured> = Vec::with_capacity(examined.len());
    for mut one in examined {
        one.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings.extend(one.findings);
        performances.push(one.measured);
    }
    let mut counts = BTreeMap::new();
    for finding in &findings {
        *counts.entry(finding.kind.name()).or_default() += 1;
    }
    let mut summary = Summary::of(&performances, &findings);
    summary.n_digests_right = n_right;
    Report { format: 1, table, findings, counts, overlaps: overlaps(rows), summary, performances }
}

/// One finding instead of one for each row.
fn no_audio(table: &str, n: usize) -> Finding {
    let what = format!("none of the audio files of its {n} rows is there");
    let advice = "render the corpus from its MIDI, or check that this is the folder that the table belongs to";
    Finding::new(Kind::AudioMissing, Severity::Error, what, advice).in_file(table)
}

fn digests(
    root: &Path,
    options: &Options,
    table: &str,
    rows: &[Listed],
) -> Result<(Vec<sums::Sum>, Vec<Finding>), Error> {
    if !options.sums {
        return Ok((Vec::new(), Vec::new()));
    }
    let there = rows.iter().filter(|row| row.midi.is_some());
    let mut digests = sums::built_in(table, there.map(|row| row.midi_filename.as_str()));
    let (listed, findings) = sums::lists(root)?;
    digests.extend(listed);
    Ok((digests, findings))
}

/// Gives findings about files to the performances whose files they are.
fn assign(findings: Vec<Finding>, root: &Path, rows: &[Listed], examined: &mut [Examined], corpus: &mut Vec<Finding>) {
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        owners.insert(row.midi_filename.clone(), at);
        let found = row.audio.as_ref().map(|path| strays::relative(root, path));
        owners.extend([Some(row.audio_filename.clone()), found].into_iter().flatten().map(|name| (name, at)));
    }
    for finding in findings {
        match finding.file.as_ref().and_then(|file| owners.get(file)) {
            Some(&at) => {
                let (performance, row) = (Some(rows[at].id.clone()), Some(rows[at].row.clone()));
                examined[at].findings.push(Finding { performance, row, ..finding });
            }
            None => corpus.push(finding),
        }
    }
}

/// Says whose MIDI the audio fits that does not fit its own.
fn find_partners(place: &Place, rows: &[Listed], examined: &mut [Examined], steps: &Steps) -> Result<(), Error> {
    let is_unrelated = |one: &Examined| one.findings.iter().any(|finding| finding.kind == Kind::Unrelated);
    let lonely: Vec<usize> = (0..rows.len()).filter(|&at| is_unrelated(&examined[at])).collect();
    let Some(reach_s) = place.options.reach_s() else { return Ok(()) };
    steps.total.fetch_add(lonely.len(), Ordering::Relaxed);
    let shared: &[Examined] = examined;
    let search = |&at: &usize| {
        steps.step(|| {
            let candidates = candidates(at, &lonely, shared);
            let salience = performance::salience(&rows[at], reach_s)?;
            let fits = |&other: &usize| -> Option<(f64, usize)> {
                let notes = performance::notes(&rows[other])?;
                let pairing = salience.as_ref()?.against(&notes, place.options.max_lag_s);
                (pairing.belongs() == Some(true)).then_some((pairing.score, other))
            };
            let best = candidates.iter().filter_map(fits).max_by(|a, b| a.0.total_cmp(&b.0));
            Ok((at, candidates.len(), best.map(|(_, other)| other)))
        })
    };
    let found = lonely.par_iter().map(search).collect::<Result<Vec<_>, Error>>()?;
    for (at, n, partner) in found {
        let Some(finding) = examined[at].findings.iter_mut().find(|finding| finding.kind == Kind::Unrelated) else {
            continue;
        };
        match partner {
            Some(other) => {
                let id = &rows[other].id;
                finding.advice = format!("its audio fits the MIDI of `{id}`: the two seem to be swapped or misnamed");
                finding.other = Some(id.clone());
            }
            None if n > 0 => {
                let advice = performance::UNRELATED_ADVICE;
                finding.advice = format!("{advice}; its audio fits none of {n} other MIDI files of similar length");
            }
            None => {}
        }
    }
    Ok(())
}

/// Performances whose MIDI may be that of the audio of performance `at`: those that miss their own audio first, then by
/// how close the MIDI's end comes to the audio's.
fn candidates(at: usize, lonely: &[usize], examined: &[Examined]) -> Vec<usize> {
    let length_s = examined[at].measured.audio_duration_s;
    let apart_s = |other: usize| match (length_s, examined[other].measured.midi_end_s) {
        (Some(length_s), Some(end_s)) => (length_s - end_s).abs(),
        _ => 0.0,
    };
    let others = (0..examined.len()).filter(|&other| other != at && examined[other].measured.midi_end_s.is_some());
    let mut others: Vec<(bool, f64, usize)> =
        others.map(|other| (lonely.binary_search(&other).is_err(), apart_s(other), other)).collect();
    others.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    others.into_iter().take(MAX_CANDIDATES).map(|(_, _, other)| other).collect()
}

/// A performance without pedal is worth a note if nine of ten have it.
fn without_pedal(rows: &[Listed], examined: &mut [Examined]) {
    let n = examined.iter().filter(|one| one.measured.has_pedal == Some(true)).count();
    if n < examined.iter().filter(|one| one.measured.has_pedal == Some(false)).count() * 9 {
        return;
    }
    for (row, one) in rows.iter().zip(examined) {
        if one.measured.has_pedal == Some(false) {
            let what = format!("it has no sustain pedal, {n} others have");
            let finding = Finding::new(Kind::NoPedal, Severity::Note, what, "nothing to do if it was played without");
            let (performance, row_name) = (Some(row.id.clone()), Some(row.row.clone()));
            let file = Some(row.midi_filename.clone());
            one.findings.push(Finding { performance, row: row_name, file, ..finding });
        }
    }
}

/// Audio that is there under another extension, counted by both.
fn other_extensions(root: &Path, rows: &[Listed]) -> Vec<Finding> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let extension = |path: &Path| path.extension().unwrap_or_default().to_string_lossy().into_owned();
    for row in rows {
        let Some(path) = row.audio.as_ref().filter(|path| **path != root.join(&row.audio_filename)) else {
            continue;
        };
        *counts.entry((extension(Path::new(&row.audio_filename)), extension(path))).or_default() += 1;
    }
    let say = |((named, found), n): ((String, String), usize)| {
        let what = format!("{n} audio files are there as .{found} where the table says .{named}");
        Finding::new(Kind::OtherExtension, Severity::Note, what, "nothing to do: they are read as they are")
    };
    counts.into_iter().map(say).collect()
}
