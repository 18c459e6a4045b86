//! What cannot be built or loaded is refused with the place named.

use hit_schema::CheckpointMeta;

use super::support::*;
use crate::*;

fn field(change: impl FnOnce(&mut ModelSpec)) -> String {
    let mut spec = small();
    change(&mut spec);
    match spec.check() {
        Err(Error::Spec { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn impossible_sizes_are_refused_by_field() {
    assert!(small().check().is_ok() && reference().check().is_ok());
    assert_eq!(field(|s| s.audio.n_heads = 3), "model.audio.n_heads");
    assert_eq!(field(|s| s.midi.n_heads = 0), "model.midi.n_heads");
    assert_eq!(field(|s| s.audio.norm_groups = 3), "model.audio.norm_groups");
    assert_eq!(field(|s| s.audio.d_model = 10), "model.audio.cnn");
    assert_eq!(field(|s| s.audio.cnn.clear()), "model.audio.cnn");
    assert_eq!(field(|s| s.audio.cnn[0].stride = 0), "model.audio.cnn");
    assert_eq!(field(|s| s.midi.d_model = 7), "model.midi.d_model");
    assert_eq!(field(|s| s.midi.dropout = 1.0), "model.midi.dropout");
    assert_eq!(field(|s| s.midi.dropout = f64::NAN), "model.midi.dropout");
    assert_eq!(field(|s| s.audio.position_std = -1.0), "model.audio.position_std");
    assert_eq!(field(|s| s.heads.embedding_dim = 0), "model.heads");
}

#[test]
fn windows_must_fit_convolutions_and_positions() {
    let audio = small().audio;
    assert!(audio.check_length(400).is_ok());
    assert!(audio.check_length(9).is_err(), "shorter than the first kernel");
    assert!(audio.check_length(96_000).is_err(), "more tokens than positions");
}

#[test]
fn families_refuse_arms_they_cannot_build() {
    let injection = |mechanism: &str| InjectionSpec {
        descriptor: "a4".into(),
        dims: 8,
        mechanism: mechanism.into(),
        side: Side::Audio,
    };
    let arm =
        |family: &str, injections| ArmSpec { family: family.into(), injections, options: Options::new(), extra: false };
    for wrong in [arm("inject", vec![]), arm("base", vec![injection("concat")])] {
        assert!(matches!(d0::FAMILY.model(&small(), &wrong), Err(Error::Arm { .. })), "{wrong:?}");
    }
    let twice = arm("x", vec![injection("c"), InjectionSpec { dims: 4, side: Side::Midi, ..injection("c") }]);
    assert!(twice.descriptors().is_err(), "one descriptor of two widths");
    let two = arm("x", vec![injection("c"), injection("d")]);
    assert!(check_side(&two, |_| true).is_err() && check_side(&two, |spec| spec.mechanism == "c").is_ok());
}

#[test]
fn arms_and_sizes_read_back_and_unknown_keys_are_refused() {
    let text = serde_json::to_string(&small()).unwrap();
    assert_eq!(serde_json::from_str::<ModelSpec>(&text).unwrap(), small());
    let with_more = text.replacen("\"d_ff\"", "\"d_fff\":1,\"d_ff\"", 1);
    assert!(serde_json::from_str::<ModelSpec>(&with_more).is_err());
    assert!(serde_json::from_str::<ArmSpec>(r#"{"family":"base"}"#).is_err(), "no defaults");
}

fn checkpoint() -> (Declarations, hit_schema::Checkpoint) {
    let model = d0::FAMILY.model(&small(), &d0()).unwrap();
    let declarations = declarations(&*model);
    let weights = Weights::initial(&declarations, 1, &[], &cpu());
    let meta = CheckpointMeta { arm: "d0".into(), epoch: 1, step: 2 };
    let checkpoint = weights.checkpoint(meta);
    (declarations, checkpoint)
}

#[test]
fn checkpoints_come_back_as_they_were() {
    let (declarations, saved) = checkpoint();
    let weights = Weights::of_checkpoint(&declarations, &saved, &cpu()).unwrap();
    assert_eq!(weights.checkpoint(saved.meta.clone()), saved);
    assert!(saved.params.contains_key("heads.audio.1.running_var"));
    let mut other = Weights::initial(&declarations, 2, &[], &cpu());
    assert_ne!(other.checkpoint(saved.meta.clone()), saved);
    other.load(&saved).unwrap();
    assert_eq!(other.checkpoint(saved.meta.clone()), saved);
}

#[test]
fn checkpoints_of_another_model_are_refused() {
    let (declarations, saved) = checkpoint();
    let load = |change: &dyn Fn(&mut hit_schema::Checkpoint)| {
        let mut other = saved.clone();
        change(&mut other);
        Weights::of_checkpoint(&declarations, &other, &cpu()).err().unwrap()
    };
    let lack = load(&|c| drop(c.params.remove("midi.norm.bias")));
    assert!(matches!(lack, Error::MissingArray { name } if name == "midi.norm.bias"));
    let more = load(&|c| drop(c.params.insert("x".into(), c.params["midi.norm.bias"].clone())));
    assert!(matches!(more, Error::UnknownArray { name } if name == "x"));
    let shape = load(&|c| c.params.get_mut("midi.norm.bias").unwrap().shape = vec![1, 6]);
    assert!(matches!(shape, Error::ArrayShape { .. }));
    // A foundation may lack arrays, but not bring unknown ones.
    let mut weights = Weights::initial(&declarations, 9, &[], &cpu());
    let mut part = saved.clone();
    part.params.remove("midi.norm.bias");
    assert!(weights.load(&part).is_ok());
    part.params.insert("inject.x".into(), saved.params["midi.norm.bias"].clone());
    assert!(matches!(weights.load(&part), Err(Error::UnknownArray { .. })));
}

#[test]
fn prefixes_end_at_dots() {
    assert!(has_prefix("audio.layers.1.norm1.bias", "audio.layers.1"));
    assert!(has_prefix("audio", "audio"));
    assert!(!has_prefix("audio.layers.10.norm1.bias", "audio.layers.1"));
    assert!(!has_prefix("audio", "audio.cnn"));
}
