//! Oracles, reference vectors of numpy, scipy, scikit-learn, openTSNE and umap-learn, and the stages on small splits.

mod alignment;
mod cosines;
mod likeness;
mod linear;
mod mlp;
mod planes;
mod probe;
mod projection;
mod summaries;
mod support;
