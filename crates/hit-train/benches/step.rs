//! One training step and one evaluated batch at the sizes of the smoke profile, on one thread.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hit_model::{ConvSpec, Model, Pass, Source};
use hit_schema::WindowSpec;
use hit_train::{Fit, Plan, Train};

use hit_train as crate_under_test;

#[path = "../src/tests/toy.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod toy;

/// The smoke profile's sizes: 96,000 samples become 60 tokens.
fn smoke(arm: &str) -> Train {
    let mut stage = toy::tiny_stage(arm);
    let conv = |channels, kernel, stride| ConvSpec { channels, kernel, stride, padding: 0 };
    let audio = &mut stage.model.audio;
    audio.cnn = vec![conv(8, 40, 40), conv(32, 8, 8), conv(64, 5, 5)];
    (audio.norm_groups, audio.d_model, audio.n_layers, audio.n_heads, audio.d_ff) = (4, 64, 2, 2, 128);
    let midi = &mut stage.model.midi;
    (midi.pitch_dim, midi.velocity_dim, midi.duration_dim) = (32, 16, 16);
    (midi.d_model, midi.n_layers, midi.n_heads, midi.d_ff) = (64, 2, 2, 128);
    stage.model.heads.hidden = vec![128, 128];
    stage.model.heads.embedding_dim = 64;
    stage.train.batch_size = 16;
    stage
}

fn bench(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let windows = WindowSpec { sample_rate_hz: 24_000, window_s: 4.0, hop_s: 1.0, max_windows: 100, max_notes: 2048 };
    let toy = toy::Toy::write(&dir.path().join("corpus"), windows, 2, 30.0);
    let cx = toy.context(&dir.path().join("work"));
    let threads = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let device = hit_model::device("cpu").unwrap();
    for arm in ["d0", "d4a4"] {
        let stage = smoke(arm);
        let model: Box<dyn Model> = stage.family.model(&stage.model, &stage.arm).unwrap();
        let source = Source::open(&cx, "train.", "/train", &stage.model, &stage.arm).unwrap();
        let batch = source.batch(&(0..32).step_by(2).collect::<Vec<_>>()).unwrap();
        for (frozen, name) in [(true, "frozen CNN"), (false, "trained CNN")] {
            let mut spec = stage.train.clone();
            spec.frozen.retain(|_| frozen);
            let plan = Plan { seed: 1, n_windows: 32, batch_size: 16, per_epoch: 2, epochs: 500 };
            let mut fit = Fit::new(&*model, &spec, stage.schedule, plan, None, &device).unwrap();
            let mut step = 0;
            c.bench_function(&format!("step {arm}, {name}"), |b| {
                b.iter(|| {
                    step += 1;
                    threads.install(|| fit.step(&batch.clone().upload(&device), step))
                });
            });
            if frozen {
                let weights = fit.weights.untracked();
                c.bench_function(&format!("evaluate {arm}"), |b| {
                    let forward =
                        || model.forward(&Pass::evaluation(&weights), &batch.clone().upload(&device)).audio.into_data();
                    b.iter(|| threads.install(|| black_box(forward())));
                });
            }
        }
        c.bench_function(&format!("read {arm}"), |b| b.iter(|| source.batch(black_box(&batch.windows)).unwrap()));
    }
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = bench }
criterion_main!(benches);
