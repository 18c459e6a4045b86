//! Weights for other programs: what `export` writes and what it refuses.

use hit_schema::Checkpoint;
use serde_json::Value;

use crate::project::{Project, stderr};

const RUN: &str = "replication/d4-a4r@cosine2#1";

/// The metadata of a safetensors file, read as `docs/load_hitrepro.py` reads it.
fn metadata(bytes: &[u8]) -> Value {
    let size = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + size]).unwrap();
    let text = header["__metadata__"]["hit"].as_str().unwrap();
    serde_json::from_str::<Value>(text).unwrap()["meta"].clone()
}

#[test]
fn a_trained_model_leaves_as_one_file_that_says_what_it_is() {
    let project = Project::computed();
    let written = project.json(&["export", RUN, "--output", "model.safetensors"]);
    let bytes = fs_err::read(project.path("model.safetensors")).unwrap();
    let about = metadata(&bytes);
    assert_eq!((&about["run"], &about["arm"], &about["family"]), (&RUN.into(), &"d4-a4r".into(), &"inject".into()));
    assert_eq!((&about["schedule"], &about["seed"], &about["profile"]), (&"cosine2".into(), &1.into(), &"tiny".into()));
    assert_eq!((&about["options"]["n_heads"], &about["model"]["audio"]["d_model"]), (&2.into(), &16.into()));
    assert_eq!(about["injections"][1]["mechanism"], "reverse_cross_attention");
    assert_eq!(about["epoch"], written["epoch"]);

    let checkpoint = Checkpoint::read(&project.path("model.safetensors")).unwrap();
    assert_eq!(written["arrays"], checkpoint.params.len());
    assert_eq!(checkpoint.params["inject.audio.a4.attention.in_proj_weight"].shape, [48, 16]);
    assert_eq!(checkpoint.params["heads.midi.1.running_var"].shape, [16]);
    // The counts of `list arms` are of parameters: running statistics are none.
    let parameters: usize = checkpoint
        .params
        .iter()
        .filter(|(name, _)| !name.contains("running"))
        .map(|(_, array)| array.values.len())
        .sum();
    let arms = project.json(&["list", "arms"]);
    let arm = arms.as_array().unwrap().iter().find(|arm| arm["id"] == "d4-a4r").unwrap().clone();
    assert_eq!(arm["parameters"], parameters);

    project.json(&["export", &format!("train/{RUN}"), "--output", "again.safetensors"]);
    assert_eq!(
        fs_err::read(project.path("again.safetensors")).unwrap(),
        bytes,
        "the same bytes, with `train/` or without"
    );
}

#[test]
fn any_evaluated_epoch_can_be_had() {
    let project = Project::computed();
    let epochs = ["1", "2"].map(|epoch| {
        let file = format!("e{epoch}.safetensors");
        assert_eq!(project.json(&["export", RUN, "--epoch", epoch, "-o", &file])["epoch"].to_string(), epoch);
        Checkpoint::read(&project.path(&file)).unwrap()
    });
    assert_ne!(epochs[0].params, epochs[1].params);
    let refused = project.run(&["export", RUN, "--epoch", "3"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("kept are e001, e002"), "{}", stderr(&refused));
}

#[test]
fn a_file_gets_a_name_and_is_never_written_over() {
    let project = Project::computed();
    let output = project.run(&["export", "--format", "safetensors", RUN]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.starts_with("replication-d4-a4r@cosine2#1.safetensors: replication/d4-a4r@cosine2#1, epoch "),
        "{said}"
    );
    let before = fs_err::read(project.path("replication-d4-a4r@cosine2#1.safetensors")).unwrap();
    let refused = project.run(&["export", RUN]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("is there already"), "{}", stderr(&refused));
    assert_eq!(fs_err::read(project.path("replication-d4-a4r@cosine2#1.safetensors")).unwrap(), before);
}

#[test]
fn runs_that_are_not_there_are_told_from_runs_that_are_not_trained() {
    let project = Project::new();
    let unknown = project.run(&["export", "replication/d4-a4r@cosine2#7"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        stderr(&unknown).contains("there is no run `replication/d4-a4r@cosine2#7`; did you mean"),
        "{}",
        stderr(&unknown)
    );
    let untrained = project.run(&["export", RUN]);
    assert_eq!(untrained.status.code(), Some(4), "stale");
    assert!(stderr(&untrained).contains("is not finished"), "{}", stderr(&untrained));
    let format = project.run(&["list", "arms", "--format", "safetensors"]);
    assert!(stderr(&format).contains("belongs to `hitrepro export`"), "{}", stderr(&format));
}
