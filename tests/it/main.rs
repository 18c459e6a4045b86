//! Runs the binary as a user does, and guards the architecture.

mod architecture;
mod arms;
mod audit;
mod bench;
mod campaign;
#[path = "../parity/cases.rs"]
mod cases;
mod cli;
mod corpus;
mod data;
mod edits;
mod export;
mod extending;
mod parity;
mod project;
