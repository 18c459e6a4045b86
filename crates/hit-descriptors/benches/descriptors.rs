//! Descriptors of one window at the size of the paper; the peer is `tests/golden/bench_librosa.py`.

use std::f64::consts::PI;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hit_descriptors::{Compute, DESCRIPTORS, Stft, Variant};
use hit_schema::Token;

/// Four seconds of a tone and noise.
fn audio() -> Vec<f32> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / f64::from(u32::MAX) - 0.5
    };
    let mut sample = |n: u32| (0.3 * libm::sin(2.0 * PI * 220.0 * f64::from(n) / 24_000.0) + 0.2 * noise()) as f32;
    (0..96_000).map(&mut sample).collect()
}

fn descriptors(c: &mut Criterion) {
    let mut stft = Stft::new();
    let audio = audio();
    let tokens: Vec<Token> = (0..64).map(|i| Token { pitch: 30 + i, velocity: 64, duration: 3 }).collect();
    c.bench_function("stft magnitudes of a 4 s window", |b| {
        b.iter(|| {
            stft.for_each_frame(black_box(&audio), |_, magnitudes| {
                black_box(magnitudes);
            })
        });
    });
    for descriptor in DESCRIPTORS {
        for variant in [Variant::Reference, Variant::Paper] {
            let (id, variant_name) = (descriptor.id, variant.name());
            match descriptor.compute {
                Compute::Audio(compute) => c.bench_function(&format!("{id} ({variant_name}) of a 4 s window"), |b| {
                    b.iter(|| compute(&mut stft, black_box(&audio), variant));
                }),
                Compute::Midi(compute) => c.bench_function(&format!("{id} ({variant_name}) of 64 notes"), |b| {
                    b.iter(|| compute(black_box(&tokens), variant));
                }),
            };
        }
    }
}

criterion_group!(benches, descriptors);
criterion_main!(benches);
