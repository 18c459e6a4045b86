//! `list`: arms, descriptors, schedules, profiles, stages, tables, figures, the schema of the configuration.

use hit_descriptors::{DESCRIPTORS, Rows, Side};
use hit_report::ArmFacts;
use serde_json::{Value, json};

use crate::Error;
use crate::cli::{Format, Listed, Options};
use crate::config::COUNTED_NOTES;
use crate::config::schema::schema;
use crate::exit::Exit;
use crate::output::{columns, json, print, print_json};
use crate::project::Project;
use crate::{graph, registry};

/// Shows what there is of a kind.
///
/// # Errors
/// [`Error`].
pub fn list(options: &Options, what: Listed) -> Result<Exit, Error> {
    if what == Listed::Schema {
        print(&json(&schema())?)?;
        return Ok(Exit::Ok);
    }
    let project = Project::open(options)?;
    let (value, text) = match what {
        Listed::Arms => {
            let arms = arms(&project)?;
            (serde_json::to_value(&arms).map_err(std::io::Error::from)?, arms_text(&arms))
        }
        Listed::Stages => stages(&project)?,
        _ => table(&rows(&project, what)),
    };
    match options.format {
        Format::Json => print_json(&value)?,
        _ => print(&text)?,
    }
    Ok(Exit::Ok)
}

/// The arms with their sizes and costs under the profile.
fn arms(project: &Project) -> Result<Vec<ArmFacts>, Error> {
    let ids = project.config.arms.keys();
    Ok(ids.map(|id| graph::arm(&project.config, &project.profile, id)).collect::<Result<_, _>>()?)
}

fn arms_text(arms: &[ArmFacts]) -> String {
    let row = |arm: &ArmFacts| {
        let each = arm.descriptors.iter().zip(&arm.mechanisms).map(|(descriptor, how)| format!("{descriptor} {how}"));
        let injected = each.collect::<Vec<_>>().join(", ");
        let numbers = [arm.parameters, arm.trainable, arm.audio_tokens].map(|n| n.to_string());
        let gflops = format!("{:.2}", arm.flops as f64 / 1e9);
        let mut row =
            vec![arm.id.clone(), arm.family.clone(), if injected.is_empty() { "-".to_owned() } else { injected }];
        row.extend(numbers.into_iter().chain([gflops]));
        row
    };
    let heads = ["arm", "family", "descriptors", "parameters", "trainable", "audio tokens", "GFLOP"];
    let note = format!(
        "GFLOP: one forward pass over a window and {COUNTED_NOTES} notes; a multiplication and an addition are two.\n"
    );
    columns(&heads, &[3, 4, 5, 6], arms.iter().map(row)) + &note
}

fn stages(project: &Project) -> Result<(Value, String), Error> {
    let graph = project.graph(&project.compute()?)?;
    let selection = project.selection(&graph, &[])?;
    let chosen: Vec<_> = graph.nodes().iter().filter(|node| selection.ids.contains(&node.id)).collect();
    let value = chosen
        .iter()
        .map(|node| json!({"stage": node.id, "kind": node.stage.kind(), "groups": node.groups, "outputs": node.stage.outputs()}))
        .collect();
    let text = chosen.iter().map(|node| vec![node.id.clone(), node.stage.kind().to_owned(), node.groups.join(", ")]);
    Ok((value, columns(&["stage", "kind", "groups"], &[], text)))
}

/// Rows of one object each, all with the same keys.
fn rows(project: &Project, what: Listed) -> Vec<Value> {
    let config = &project.config;
    match what {
        Listed::Descriptors => DESCRIPTORS.iter().map(descriptor).collect(),
        Listed::Mechanisms => {
            let of = |family: &hit_model::Family| {
                let id = family.id;
                let row = move |known: &hit_model::Mechanism| json!({"mechanism": known.id, "family": id, "title": known.title});
                family.mechanisms.iter().map(row).collect::<Vec<_>>()
            };
            registry::FAMILIES.iter().flat_map(of).collect()
        }
        Listed::Schedules => {
            let row = |(id, schedule): (&String, _)| json!({"schedule": id, "spec": schedule});
            config.schedules.iter().map(row).collect()
        }
        Listed::Profiles => {
            let default = |name: &String| *name == config.default_profile;
            let row = |(name, profile): (&String, &crate::config::Profile)| json!({"profile": name, "default": default(name), "inherits": config.chain(name)[1..], "corpus": profile.corpus.label, "description": profile.description});
            config.profiles.iter().map(row).collect()
        }
        Listed::Tables => {
            hit_report::tables::TABLES.iter().map(|def| json!({"table": def.id, "title": def.title})).collect()
        }
        Listed::Figures => {
            hit_report::figures::FIGURES.iter().map(|def| json!({"figure": def.id, "title": def.title})).collect()
        }
        Listed::Arms | Listed::Stages | Listed::Schema => Vec::new(),
    }
}

fn descriptor(descriptor: &hit_descriptors::Descriptor) -> Value {
    let side = match descriptor.side() {
        Side::Audio => "audio",
        Side::Midi => "midi",
    };
    let rows = match descriptor.rows {
        Rows::Frames => "frames",
        Rows::Notes => "notes",
    };
    json!({
        "descriptor": descriptor.id,
        "title": descriptor.title,
        "side": side,
        "rows": rows,
        "dims": descriptor.dims,
        "shape": descriptor.shape,
        "source": descriptor.source,
        "formula": descriptor.formula,
    })
}

/// The rows as they are, and as a table with the keys of the first row as columns (their order is that of the alphabet
/// but for the first, which names the row).
fn table(rows: &[Value]) -> (Value, String) {
    let Some(first) = rows.first().and_then(Value::as_object) else { return (json!([]), String::new()) };
    let names = ["descriptor", "mechanism", "schedule", "profile", "table", "figure"];
    let mut keys: Vec<&str> = first.keys().map(String::as_str).collect();
    keys.sort_by_key(|key| (!names.contains(key), *key));
    let cells = rows.iter().map(|row| keys.iter().map(|key| cell(&row[*key])).collect::<Vec<_>>());
    (Value::from(rows.to_vec()), columns(&keys, &[], cells))
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "" }.to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(" < "),
        Value::Object(map) => {
            map.iter().map(|(key, value)| format!("{key} {}", cell(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_as_json_are_a_contract() {
        let arm = ArmFacts {
            id: "d4a4".into(),
            descriptors: vec!["A4".into(), "D4".into()],
            mechanisms: vec!["concat (audio)".into(), "concat (MIDI)".into()],
            dims: vec![8, 4],
            family: "inject".into(),
            parameters: 75_520_000,
            trainable: 66_217_472,
            parts: [("audio.cnn".to_owned(), 3_158_528)].into(),
            audio_tokens: 2400,
            flops: 3_210_000_000,
            extra: false,
        };
        insta::assert_snapshot!(json(std::slice::from_ref(&arm)).unwrap());
        let bare = ArmFacts { id: "d0".into(), descriptors: vec![], mechanisms: vec![], ..arm.clone() };
        insta::assert_snapshot!(arms_text(&[bare, arm]), @r"
        arm   family  descriptors                          parameters  trainable  audio tokens  GFLOP
        d0    inject  -                                      75520000   66217472          2400   3.21
        d4a4  inject  A4 concat (audio), D4 concat (MIDI)    75520000   66217472          2400   3.21
        GFLOP: one forward pass over a window and 40 notes; a multiplication and an addition are two.
        ");
    }

    #[test]
    fn tables_begin_with_the_name_of_the_row() {
        let (value, text) = table(&[json!({"corpus": "c", "profile": "p", "default": true, "inherits": ["a", "b"]})]);
        assert_eq!(value.as_array().unwrap().len(), 1);
        assert_eq!(text, "profile  corpus  default  inherits\np        c       yes      a < b\n");
        assert_eq!(table(&[]).1, "");
    }

    #[test]
    fn every_descriptor_is_described() {
        for row in DESCRIPTORS.iter().map(descriptor) {
            assert!(row["source"].as_str().is_some_and(|text| !text.is_empty()), "{row}");
            assert!(row["dims"].as_u64().is_some_and(|dims| dims > 0), "{row}");
        }
    }
}
