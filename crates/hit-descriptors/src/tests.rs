//! Definitions written out, oracles of spec 2, documented defects, reference vectors from librosa and numpy, and the stages on a small split.

mod attractors;
mod chroma;
mod defects;
mod definition;
mod examine;
mod formulas;
mod stage;
mod support;
mod targets;
