//! Runs the binary as a user does, and guards the architecture.

mod architecture;
mod campaign;
mod cli;
mod corpus;
mod project;
