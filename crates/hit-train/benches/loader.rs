//! Batches of 16 windows of 4 s from disk, in the order of training and with descriptors: what a step would wait for.
//!
//! The corpus has 24 performances of 103 s (238 MB of audio, in the page cache after the first pass). One thread reads, as in training.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hit_model::{ConvSpec, Source};
use hit_schema::{FeatureMeta, FeatureWriter, WindowSpec};
use hit_train::{Plan, with_batches};

use hit_train as crate_under_test;

#[path = "../src/tests/toy.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod toy;

/// Performances, and windows of each.
const SIZE: (usize, usize) = (24, 100);
/// Frames and bands of A4 in a window of 4 s.
const A4: (usize, usize) = (188, 8);
/// Batches of one measurement.
const BATCHES: usize = 32;

fn bench(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let windows =
        WindowSpec { sample_rate_hz: 24_000, window_s: 4.0, hop_s: 1.0, max_windows: SIZE.1, max_notes: 2048 };
    let corpus = dir.path().join("corpus");
    let toy = toy::Toy::write(&corpus, windows, SIZE.0, 103.0);
    // The toy's own A4 has fewer frames than the paper's.
    let meta = FeatureMeta { descriptor: "a4".into(), variant: "toy".into(), dims: A4.1, per_note: false };
    let n_windows = SIZE.0 * SIZE.1;
    let mut a4 = FeatureWriter::create(&corpus.join("train/a4"), &meta, vec![A4.0; n_windows]).unwrap();
    (0..n_windows).for_each(|_| a4.window(&[0.5; A4.0 * A4.1]).unwrap());
    a4.finish().unwrap();

    let cx = toy.context(&dir.path().join("work"));
    let plan = Plan { seed: 1, n_windows, batch_size: 16, per_epoch: BATCHES, epochs: 1 };
    let mut group = c.benchmark_group("read ahead by one thread");
    group.throughput(Throughput::Elements((BATCHES * plan.batch_size) as u64)).sample_size(20);
    for arm in ["d0", "d4a4"] {
        let mut stage = toy::tiny_stage(arm);
        // 96,000 samples become 60 tokens, as in the smoke profile.
        let conv = |channels, kernel, stride| ConvSpec { channels, kernel, stride, padding: 0 };
        stage.model.audio.cnn = vec![conv(8, 40, 40), conv(32, 8, 8), conv(64, 5, 5)];
        let source = Source::open(&cx, "train.", "/train", &stage.model, &stage.arm).unwrap();
        group.bench_function(format!("{arm}, windows"), |b| {
            b.iter(|| with_batches(&source, plan, 0, |batches| batches.iter().map(Result::unwrap).count()));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
