//! What audio costs to prepare: decode, resample, tokenise; and to make, where it is synthetic.
//!
//! With `--folder FOLDER --format EXTENSION [--jobs N]` it goes once through the files of a folder, as `prepare_peer.py`
//! beside it does, and prints seconds and seconds of audio; `prepare.sh` runs both in turn and prints a table.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use criterion::Criterion;
use hit_corpus::{SyntheticSpec, audio, midi, tokens};
use hit_schema::{DurationBuckets, WindowSpec};

/// What windows of the reference protocol reach, seconds.
const REACH_S: f64 = 103.0;
const RATE_HZ: u32 = 24_000;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    if let (Some(folder), Some(format)) = (value("--folder"), value("--format")) {
        let jobs = value("--jobs").map_or(1, |jobs| jobs.parse().expect("a number of jobs"));
        pass(&files(Path::new(folder), format), jobs);
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    prepare(&mut criterion);
    criterion.final_summary();
}

fn files(folder: &Path, format: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs_err::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == format))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no file *.{format} in {}", folder.display());
    files
}

/// One pass over all files after another that warms the cache.
fn pass(files: &[PathBuf], jobs: usize) {
    let read = |path: &PathBuf| audio::read(path, RATE_HZ, REACH_S).expect("a good file").samples.len();
    let once = || {
        let next = AtomicUsize::new(0);
        let work = || std::iter::from_fn(|| files.get(next.fetch_add(1, Ordering::Relaxed))).map(read).sum::<usize>();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().expect("no panic")).sum::<usize>()
        })
    };
    once();
    let start = Instant::now();
    let samples = once();
    println!("{:.4} {:.1}", start.elapsed().as_secs_f64(), samples as f64 / f64::from(RATE_HZ));
}

fn prepare(c: &mut Criterion) {
    let windows = WindowSpec { sample_rate_hz: RATE_HZ, window_s: 4.0, hop_s: 1.0, max_windows: 100, max_notes: 2048 };
    let durations = DurationBuckets { n: 32, min_s: 0.05, max_s: 4.0 };
    let spec = SyntheticSpec {
        seed: 1,
        composers: 2,
        train: 2,
        validation: 0,
        test: 0,
        duration_s: 60.0,
        sample_rate_hz: 44_100,
        noise_db: -66.0,
    };
    // The second composer writes the most notes.
    let stage = &spec.performances().expect("a valid specification")[0].stage;
    let midi = stage.midi().expect("a valid stage");
    let samples = stage.play(&midi).expect("our own MIDI");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("minute.wav");
    fs_err::write(&path, audio::wav(&samples, 44_100).expect("a small file")).expect("a writable folder");
    let score = midi::parse(&midi).expect("our own MIDI");

    let mut group = c.benchmark_group("prepare");
    group.sample_size(20);
    group.bench_function("synthesise at 44.1 kHz", |b| b.iter(|| stage.play(black_box(&midi))));
    group.bench_function("decode wav", |b| b.iter(|| audio::read(black_box(&path), 44_100, 60.0)));
    group.bench_function("decode wav, resample 44.1 to 24 kHz", |b| {
        b.iter(|| audio::read(black_box(&path), RATE_HZ, 60.0));
    });
    group.bench_function("parse midi", |b| b.iter(|| midi::parse(black_box(&midi))));
    group.bench_function("tokenise", |b| {
        b.iter(|| tokens::rows(black_box(&score.notes), windows.n_windows(60.0), &windows, &durations));
    });
    group.finish();
}
