//! What cannot be trained is refused with the place named.

use hit_stage::{Stage, StageError};

use super::toy::*;
use crate::{Error, Train, TrainSpec};

fn field(change: impl FnOnce(&mut TrainSpec)) -> String {
    let mut spec = tiny_training();
    change(&mut spec);
    match spec.check() {
        Err(Error::Spec { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn impossible_values_are_refused_by_field() {
    assert!(tiny_training().check().is_ok());
    assert_eq!(field(|s| s.batch_size = 1), "train.batch_size");
    assert_eq!(field(|s| s.batches_per_epoch = 0), "train.batches_per_epoch");
    assert_eq!(field(|s| s.save_every_steps = 0), "train.save_every_steps");
    assert_eq!(field(|s| s.optimizer.beta2 = 1.0), "train.optimizer.beta2");
    assert_eq!(field(|s| s.optimizer.epsilon = f64::NAN), "train.optimizer.epsilon");
    assert_eq!(field(|s| s.optimizer.clip_norm = 0.0), "train.optimizer.clip_norm");
    assert_eq!(field(|s| s.loss.epsilon = 0.0), "train.loss.epsilon");
    assert_eq!(field(|s| s.groups = [("audio".to_owned(), f64::INFINITY)].into()), "train.groups.\"audio\"");
}

#[test]
fn rates_follow_the_longest_prefix_and_none_may_be_missing() {
    let mut spec = tiny_training();
    spec.groups = [("audio", 1.0), ("audio.layers.1", 2.0), ("midi", 3.0)].map(|(p, lr)| (p.to_owned(), lr)).into();
    let names = ["audio.cnn.x", "audio.layers.1.norm1.bias", "audio.layers.10.norm1.bias", "midi"];
    let rates = spec.rates(names.into_iter()).unwrap();
    assert_eq!(names.map(|name| rates[name]), [1.0, 2.0, 1.0, 3.0]);
    let Err(Error::Spec { what, .. }) = spec.rates(["heads.audio.0.weight"].into_iter()) else { panic!() };
    assert!(what.contains("heads.audio.0.weight"));
}

fn refused(change: impl FnOnce(&mut Train)) -> String {
    let mut stage = tiny_stage("d4a4");
    change(&mut stage);
    stage.check().unwrap_err().to_string()
}

#[test]
fn stages_that_cannot_run_say_why() {
    assert!(tiny_stage("d4a4").check().is_ok());
    assert!(refused(|s| s.evaluate = vec![5]).contains("epoch 5"));
    assert!(refused(|s| s.evaluate.clear()).contains("evaluate"));
    assert!(refused(|s| s.arm.injections[0].mechanism = "x".into()).contains("concat"));
    assert!(refused(|s| s.train.groups.retain(|prefix, _| prefix != "inject")).contains("inject.audio.a4"));
    assert!(refused(|s| s.model.midi.n_heads = 3).contains("model.midi.n_heads"));
}

fn failure(change: impl FnOnce(&mut Train, &mut hit_stage::Context)) -> StageError {
    let dir = tempfile::tempdir().unwrap();
    let toy = Toy::write(&dir.path().join("corpus"), tiny_windows(), 2, 4.0);
    let mut cx = toy.context(&dir.path().join("work"));
    let mut stage = tiny_stage("d4a4");
    change(&mut stage, &mut cx);
    stage.run(&mut cx).unwrap_err()
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let missing = failure(|_, cx| drop(cx.inputs.remove("features/d4/train")));
    assert!(matches!(missing, StageError::NoInput { .. }), "{missing}");
    let swapped = failure(|_, cx| {
        let a4 = cx.inputs["features/a4/train"].clone();
        cx.inputs.insert("features/d4/train".into(), a4);
    });
    assert!(swapped.to_string().contains("8 dims, but the arm states 4"), "{swapped}");
    let other_split = failure(|_, cx| {
        let validation = cx.inputs["features/d4/validation"].clone();
        cx.inputs.insert("features/d4/train".into(), validation);
    });
    assert!(other_split.to_string().contains("windows, but the split has"), "{other_split}");
    let few = failure(|stage, _| stage.train.batch_size = 500);
    assert!(few.to_string().contains("fewer than one batch of 500"), "{few}");
    let device = failure(|_, cx| cx.device = "cuda:99".into());
    assert!(device.to_string().contains("cuda:99"), "{device}");
    let vocabulary = failure(|stage, _| stage.model.midi.n_durations = 3);
    assert!(vocabulary.to_string().contains("duration"), "{vocabulary}");
}

#[test]
fn a_loss_that_is_no_number_names_run_step_and_windows() {
    let error = failure(|stage, _| {
        stage.train.groups.values_mut().for_each(|rate| *rate = 1e30);
        stage.train.warmup_steps = 1;
    });
    let text = error.to_string();
    assert!(text.contains("d4a4@cosine4#42") && text.contains("step") && text.contains("windows ["), "{text}");
}
