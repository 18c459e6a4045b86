//! `list`: arms, descriptors, schedules, profiles, stages, tables, figures, the schema of the configuration.

use hit_descriptors::{DESCRIPTORS, Rows, Side};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Error;
use crate::cli::{Format, Listed, Options};
use crate::config::schema::schema;
use crate::exit::Exit;
use crate::output::{columns, json, print, print_json};
use crate::project::Project;
use crate::registry;

/// An arm in `list arms --format json`: a contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arm {
    /// Its id.
    pub id: String,
    /// Descriptors that it is given.
    pub descriptors: Vec<String>,
    /// How, one for each of `descriptors`.
    pub mechanisms: Vec<String>,
    /// Family that builds it.
    pub family: String,
    /// Parameters under the profile's model sizes.
    pub parameters: u64,
    /// Those that are trained.
    pub trainable: u64,
}

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

/// The arms with their sizes under the profile.
fn arms(project: &Project) -> Result<Vec<Arm>, Error> {
    let profile = &project.profile;
    let mut arms = Vec::new();
    for (id, spec) in &project.config.arms {
        let model = registry::family(&spec.family).model(&profile.model, spec)?;
        let counts = hit_model::counts(model.as_ref(), &profile.train.frozen);
        arms.push(Arm {
            id: id.clone(),
            descriptors: spec.injections.iter().map(|injection| injection.descriptor.clone()).collect(),
            mechanisms: spec.injections.iter().map(|injection| injection.mechanism.clone()).collect(),
            family: spec.family.clone(),
            parameters: counts.total as u64,
            trainable: counts.trainable as u64,
        });
    }
    Ok(arms)
}

fn arms_text(arms: &[Arm]) -> String {
    let row = |arm: &Arm| {
        let injected: Vec<String> =
            arm.descriptors.iter().zip(&arm.mechanisms).map(|(d, m)| format!("{d} {m}")).collect();
        let injected = if injected.is_empty() { "-".to_owned() } else { injected.join(", ") };
        vec![arm.id.clone(), arm.family.clone(), injected, arm.parameters.to_string(), arm.trainable.to_string()]
    };
    columns(&["arm", "family", "descriptors", "parameters", "trainable"], &[3, 4], arms.iter().map(row))
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
        "source": descriptor.source,
        "formula": descriptor.formula,
    })
}

/// The rows as they are, and as a table with the keys of the first row as columns (their order is that of the alphabet
/// but for the first, which names the row).
fn table(rows: &[Value]) -> (Value, String) {
    let Some(first) = rows.first().and_then(Value::as_object) else { return (json!([]), String::new()) };
    let names = ["descriptor", "schedule", "profile", "table", "figure"];
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
        let arm = Arm {
            id: "d4a4".into(),
            descriptors: vec!["a4".into(), "d4".into()],
            mechanisms: vec!["concat".into(), "concat".into()],
            family: "inject".into(),
            parameters: 75_520_000,
            trainable: 66_217_472,
        };
        insta::assert_snapshot!(json(std::slice::from_ref(&arm)).unwrap());
        let bare = Arm { id: "d0".into(), descriptors: vec![], mechanisms: vec![], ..arm.clone() };
        insta::assert_snapshot!(arms_text(&[bare, arm]), @r"
        arm   family  descriptors           parameters  trainable
        d0    inject  -                       75520000   66217472
        d4a4  inject  a4 concat, d4 concat    75520000   66217472
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
