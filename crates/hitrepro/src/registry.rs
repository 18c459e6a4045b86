//! The plug-ins that this binary was built with: a model family is one crate and one line here.

use hit_model::Family;

/// Model families by their id in `pipeline.toml`.
pub const FAMILIES: &[Family] = &[
    hit_model::d0::FAMILY,
    hit_arm_inject::FAMILY,
    hit_arm_film::FAMILY,
    hit_arm_moe::FAMILY,
    hit_arm_moe::FFN_FAMILY,
    hit_arm_tower::FAMILY,
];

/// Ids of all families.
pub fn family_ids() -> Vec<String> {
    FAMILIES.iter().map(|family| family.id.to_owned()).collect()
}

/// The family of that id.
///
/// # Panics
/// If there is none: the configuration is checked against [`family_ids`] when it is read.
pub fn family(id: &str) -> Family {
    *FAMILIES.iter().find(|family| family.id == id).expect("the configuration names known families only")
}
