//! Family `inject`: descriptors enter the encoders of the base model by concatenation (paper Eq. 7, spec section 4).
//!
//! Each mechanism is a file with one constructor and its line in `MECHANISMS`.

mod concat;

pub use concat::Concat;

use hit_model::{ArmSpec, DualEncoder, Error, Family, Injection, InjectionSpec, Model, ModelSpec, Side, check_side};

/// The family's plug-in.
pub const FAMILY: Family =
    Family { id: "inject", crate_name: env!("CARGO_PKG_NAME"), mechanisms: &MECHANISM_IDS, build };

/// Makes the injection of a mechanism for an encoder of the given width.
type Make = fn(&InjectionSpec, usize) -> Box<dyn Injection>;

/// Mechanisms by id.
const MECHANISMS: [(&str, Make); 1] = [("concat", |spec, width| Box::new(Concat::new(spec, width)))];

const MECHANISM_IDS: [&str; MECHANISMS.len()] = {
    let mut ids = [""; MECHANISMS.len()];
    let mut idx = 0;
    while idx < ids.len() {
        ids[idx] = MECHANISMS[idx].0;
        idx += 1;
    }
    ids
};

fn build(spec: &ModelSpec, arm: &ArmSpec) -> Result<Box<dyn Model>, Error> {
    check_side(arm)?;
    let mut model = DualEncoder::new(spec);
    for injection in &arm.injections {
        let width = match injection.side {
            Side::Audio => spec.audio.d_model,
            Side::Midi => spec.midi.d_model,
        };
        let make = MECHANISMS.iter().find(|(id, _)| *id == injection.mechanism);
        let (_, make) = make.ok_or_else(|| arm.wrong(format!("mechanism `{}` is unknown", injection.mechanism)))?;
        model = model.with(injection.side, make(injection, width));
    }
    Ok(Box::new(model))
}

#[cfg(test)]
mod tests;
