//! The base model without descriptors.

use crate::{ArmSpec, DualEncoder, Error, Family, Model, ModelSpec};

/// Family `base`: D0, which has no injections.
pub const FAMILY: Family = Family { id: "base", crate_name: env!("CARGO_PKG_NAME"), mechanisms: &[], build };

fn build(spec: &ModelSpec, arm: &ArmSpec) -> Result<Box<dyn Model>, Error> {
    if let Some(option) = arm.options.keys().next() {
        return Err(arm.bad_option(format!("it has none, so `{option}` means nothing")));
    }
    Ok(Box::new(DualEncoder::new(spec)))
}
