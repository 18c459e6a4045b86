//! The command line: configuration, graph, registry.
//!
//! This crate sees every other one and is in no stage's key: it decides what is done, never how.

pub mod cli;
mod code;
mod commands;
pub mod config;
pub mod error;
pub mod exit;
pub mod graph;
mod interrupt;
mod output;
mod progress;
pub mod project;
mod provenance;
pub mod registry;
pub mod sharing;
mod system;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

pub use error::Error;

/// Width of error texts where there is no terminal to ask.
const WIDTH: usize = 100;

/// Runs the command that the arguments of the process name.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(&cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let plain = !std::io::stderr().is_terminal();
            eprint!("{}", error.render(WIDTH, plain));
            error.exit().into()
        }
    }
}
