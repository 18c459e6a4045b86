//! Parameter counts of the published model (paper App. B.3).

use super::support::*;
use crate::*;

fn part(counts: &Counts, names: &[&str]) -> usize {
    names.iter().map(|name| counts.parts[*name]).sum()
}

#[test]
fn the_published_base_model_has_the_published_parts() {
    let model = d0::FAMILY.model(&reference(), &d0()).unwrap();
    let frozen = ["audio.cnn", "audio.positions"].map(str::to_owned);
    let counts = counts(&*model, &frozen);
    assert_eq!(counts.total, 74_194_432);
    assert_eq!(counts.trainable, 64_891_904);
    assert_eq!(counts.total - counts.trainable, 9_302_528);
    assert_eq!(part(&counts, &["audio.cnn"]), 3_158_528);
    assert_eq!(part(&counts, &["audio.layers"]), 50_384_896);
    assert_eq!(part(&counts, &["audio.positions"]), 6_144_000);
    assert_eq!(part(&counts, &["midi.embedding"]), 316_928);
    assert_eq!(part(&counts, &["midi.layers"]), 12_609_536);
    assert_eq!(part(&counts, &["midi.norm"]), 1_024);
    assert_eq!(part(&counts, &["heads.audio"]), 920_832);
    assert_eq!(part(&counts, &["heads.midi"]), 658_688);
}

#[test]
fn the_published_shapes_hold() {
    let audio = reference().audio;
    let lengths: Vec<usize> = audio
        .cnn
        .iter()
        .scan(96_000, |n, conv| {
            *n = conv.length(*n);
            Some(*n)
        })
        .collect();
    assert_eq!(lengths, [19_199, 9_600, 4_800, 2_400]);
    assert_eq!(audio.n_tokens(96_000), 2_400);
}

#[test]
fn weights_of_the_built_model_are_as_many_as_counted() {
    let model = d0::FAMILY.model(&small(), &d0()).unwrap();
    let weights = Weights::initial(&declarations(&*model), 1, &[], &cpu());
    let built: usize = weights.trained().map(|name| weights.flat(name).dims()[0]).sum();
    assert_eq!(built, counts(&*model, &[]).total);
    // By hand, for the small audio encoder: convolutions 44 + 104, norms 8 + 16, positions 400, two layers of
    // 4·8² + 4·8 + 2·8·16 + 16 + 8 + 4·8.
    let audio: usize =
        weights.trained().filter(|name| name.starts_with("audio")).map(|name| weights.flat(name).dims()[0]).sum();
    assert_eq!(audio, 44 + 104 + 8 + 16 + 400 + 2 * (256 + 32 + 256 + 24 + 32));
}

#[test]
fn the_published_base_model_builds() {
    let model = d0::FAMILY.model(&reference(), &d0()).unwrap();
    // All but the big tables and layers are cheap; one layer stands for four.
    let mut spec = reference();
    spec.audio.n_layers = 1;
    spec.midi.n_layers = 1;
    let one = d0::FAMILY.model(&spec, &d0()).unwrap();
    let weights = Weights::initial(&declarations(&*one), 42, &["audio".to_owned()], &cpu());
    let built: usize = weights.names().map(|name| weights.flat(name).dims()[0]).sum();
    let statistics = 4 * 2 * 512;
    let less = 3 * (50_384_896 + 12_609_536) / 4;
    assert_eq!(built, counts(&*model, &[]).total - less + statistics);
}
