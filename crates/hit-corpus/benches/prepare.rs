//! What one minute of audio costs to prepare: decode, resample, tokenise; and to make, where it is synthetic.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hit_corpus::{SyntheticSpec, audio, midi, tokens};
use hit_schema::{DurationBuckets, WindowSpec};

fn prepare(c: &mut Criterion) {
    let windows = WindowSpec { sample_rate_hz: 24_000, window_s: 4.0, hop_s: 1.0, max_windows: 100, max_notes: 2048 };
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
        b.iter(|| audio::read(black_box(&path), 24_000, 60.0));
    });
    group.bench_function("parse midi", |b| b.iter(|| midi::parse(black_box(&midi))));
    group.bench_function("tokenise", |b| {
        b.iter(|| tokens::rows(black_box(&score.notes), windows.n_windows(60.0), &windows, &durations));
    });
    group.finish();
}

criterion_group!(benches, prepare);
criterion_main!(benches);
