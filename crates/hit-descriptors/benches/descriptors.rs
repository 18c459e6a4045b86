//! Descriptors of one window at the size of the paper; the peer is `tests/golden/bench_librosa.py`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hit_descriptors::{Stft, Variant, a4, d4};
use hit_schema::Token;

fn descriptors(c: &mut Criterion) {
    let mut stft = Stft::new();
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state) / f64::from(u32::MAX) - 0.5) as f32
    };
    let audio: Vec<f32> = (0..96_000).map(|_| noise()).collect();
    let tokens: Vec<Token> = (0..64).map(|i| Token { pitch: 30 + i, velocity: 64, duration: 3 }).collect();
    c.bench_function("stft magnitudes of a 4 s window", |b| {
        b.iter(|| {
            stft.for_each_frame(black_box(&audio), |_, magnitudes| {
                black_box(magnitudes);
            })
        });
    });
    c.bench_function("a4 of a 4 s window", |b| {
        b.iter(|| a4::a4(&mut stft, black_box(&audio), Variant::Reference));
    });
    c.bench_function("d4 of 64 notes", |b| b.iter(|| d4::d4(black_box(&tokens), Variant::Reference)));
}

criterion_group!(benches, descriptors);
criterion_main!(benches);
