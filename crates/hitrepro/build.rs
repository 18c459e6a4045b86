//! Compiles the code digests of the workspace in: `code.rs` holds the table that keys are made with.

use std::env;
use std::path::PathBuf;

fn main() {
    let folder = |name: &str| PathBuf::from(env::var_os(name).unwrap_or_default());
    let root = folder("CARGO_MANIFEST_DIR").join("../..");
    let paths = hit_codehash::write_rust(&root, &folder("OUT_DIR").join("code.rs")).unwrap_or_else(|error| {
        println!("cargo::error=code digests: {error}");
        hit_codehash::rerun_paths(&root)
    });
    for path in paths {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}
