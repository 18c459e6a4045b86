//! The JSON Schema of `pipeline.toml`, made from the types.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{Head, Profile};

/// The schema. Within profiles nothing is required, since a profile states only what differs from the one it inherits.
pub fn schema() -> Value {
    let head = of::<Head>();
    let mut profile = of::<Profile>();
    relax(&mut profile);
    profile["required"] = json!(["description"]);
    profile.as_object_mut().map(|object| object.remove("$schema"));
    let mut properties = head["properties"].clone();
    properties["profiles"] = json!({
        "description": "Profiles by name.",
        "type": "object",
        "additionalProperties": profile,
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pipeline.toml",
        "type": "object",
        "properties": properties,
        "required": ["arms", "default_profile", "profiles", "schedules"],
        "additionalProperties": false,
    })
}

fn of<T: schemars::JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Takes away every demand that a key be there, except inside of lists, whose items are stated as a whole.
fn relax(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    let tagged = object.contains_key("oneOf") || object.contains_key("anyOf");
    object.remove("required");
    for (key, value) in object.iter_mut() {
        match key.as_str() {
            "properties" => value.as_object_mut().into_iter().flatten().for_each(|(_, schema)| relax(schema)),
            "anyOf" | "oneOf" if tagged => value.as_array_mut().into_iter().flatten().for_each(relax),
            _ => {}
        }
    }
}
