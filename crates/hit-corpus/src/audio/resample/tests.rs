//! The same bits however samples arrive, and what a plain sum over taps would give.

use proptest::prelude::*;

use super::*;

fn noise(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i as u32).wrapping_mul(2_654_435_761) as f32 / 2_147_483_648.0 - 1.0).collect()
}

fn whole(samples: &[f32], from_hz: u32, to_hz: u32, wanted: usize) -> Vec<f32> {
    let mut resampler = Resampler::new(from_hz, to_hz, wanted);
    resampler.push(samples);
    resampler.finish()
}

/// A sum over all taps in double precision, without any transform, at a few places.
#[test]
fn equals_the_sum_over_taps() {
    for (from_hz, to_hz) in [(44_100u32, 24_000u32), (48_000, 24_000), (16_000, 24_000)] {
        let samples = noise(50_000);
        let output = whole(&samples, from_hz, to_hz, usize::MAX);
        let stages = Stages::new(from_hz, to_hz);
        let (input, result) = (stages.input, stages.output);
        // The response between the bins that are kept, taken apart into taps at the place asked for.
        let ratio = f64::from(from_hz) / f64::from(to_hz);
        let tap = |offset: f64| {
            let angle = |bin: usize| TAU * bin as f64 * offset / input.transform() as f64;
            let wave = |(bin, value): (usize, &Complex<Lanes>)| {
                let part =
                    f64::from(value.re.0[0]) * libm::cos(angle(bin)) - f64::from(value.im.0[0]) * libm::sin(angle(bin));
                if bin == 0 { part } else { 2.0 * part }
            };
            stages.filter.iter().enumerate().map(wave).sum::<f64>()
        };
        for n in [result.block - 1, result.block, 2 * result.block + 17, 5 * result.block - 1] {
            let at = n as f64 * ratio + input.delay() as f64;
            let first = (at - input.taps as f64).ceil().max(0.0) as usize;
            let last = (at as usize).min(samples.len() - 1);
            let sum: f64 = (first..=last).map(|i| f64::from(samples[i]) * tap(at - i as f64)).sum();
            assert!((f64::from(output[n]) - sum).abs() < 2e-4, "{from_hz} to {to_hz}, {n}: {} {sum}", output[n]);
        }
    }
}

/// Samples past those that are needed change nothing, not one bit.
#[test]
fn the_head_needs_no_more_than_it_says() {
    for from_hz in [8_000, 24_000, 32_000, 44_100, 192_000] {
        let wanted = 30_000;
        let needs = Resampler::new(from_hz, 24_000, wanted).needs() as usize;
        let long = noise(needs + 100_000);
        let head = whole(&long[..needs], from_hz, 24_000, wanted);
        assert_eq!(head.len(), wanted);
        assert_eq!(head, whole(&long, from_hz, 24_000, wanted));
        let all = whole(&long, from_hz, 24_000, usize::MAX);
        assert_eq!(head, all[..wanted]);
    }
}

/// Usual rates have blocks of three filters and transforms of small factors; rates that share no factor have blocks as long as their filter.
#[test]
fn lengths_are_whole_at_both_rates() {
    for (from_hz, transforms) in
        [(44_100, (4704, 2560)), (48_000, (4096, 2048)), (22_050, (2352, 2560)), (32_000, (4096, 3072))]
    {
        let (input, output) = Lengths::of(from_hz, 24_000);
        assert_eq!((input.transform(), output.transform()), transforms);
    }
    for from_hz in [8_000, 11_025, 16_000, 44_100, 88_200, 96_000, 192_000, 11_027, 383_999] {
        let (input, output) = Lengths::of(from_hz, 24_000);
        for (at_input, at_output) in
            [(input.block, output.block), (input.taps, output.taps), (input.delay(), output.delay())]
        {
            assert_eq!(at_input as u64 * 24_000, at_output as u64 * u64::from(from_hz));
        }
        assert!(input.taps.min(output.taps) >= TAPS && input.delay() * 2 == input.taps);
        assert_eq!(input.block, if input.taps > LONG { 1 } else { 3 } * input.taps);
    }
}

/// Rates that share no factor make one long block.
#[test]
fn rates_without_a_common_factor() {
    let output = whole(&vec![0.5; 60_000], 11_027, 24_000, usize::MAX);
    assert_eq!(output.len(), 130_589);
    assert!(output[40_000..90_000].iter().all(|sample| (sample - 0.5).abs() < 1e-5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn pieces_give_the_bits_of_the_whole(n in 0usize..90_000, piece in 1usize..20_000, from_hz in prop::sample::select(vec![24_000u32, 44_100, 48_000])) {
        let samples = noise(n);
        let mut resampler = Resampler::new(from_hz, 24_000, 40_000);
        samples.chunks(piece).for_each(|piece| resampler.push(piece));
        prop_assert_eq!(resampler.finish(), whole(&samples, from_hz, 24_000, 40_000));
    }

    /// Twice the input is twice the output, and a shift by whole units of both rates shifts it.
    #[test]
    fn is_linear_and_steady(gain in 0.1f32..2.0) {
        let samples = noise(20_000);
        let scaled: Vec<f32> = samples.iter().map(|sample| gain * sample).collect();
        let (one, other) = (whole(&samples, 48_000, 24_000, usize::MAX), whole(&scaled, 48_000, 24_000, usize::MAX));
        prop_assert!(one.iter().zip(&other).all(|(one, other)| (gain * one - other).abs() < 1e-5));
        let later = whole(&[vec![0.0; 2000], samples].concat(), 48_000, 24_000, usize::MAX);
        prop_assert!(one.iter().zip(&later[1000..]).all(|(one, later)| (one - later).abs() < 1e-5));
    }
}
