//! Whole corpora: a sound one has no findings, each planted fault is found, with performance, row and file.

mod closed;
mod damage;
mod files;
mod pairs;
mod run;
