//! Oracles of spec 2, reference vectors from librosa, and the stage on a small split.

mod formulas;
mod stage;
