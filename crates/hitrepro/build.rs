//! Compiles the code digests of the workspace in: `code.rs` holds the table that keys are made with. Also the version of
//! the compiler, for the provenance.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let folder = |name: &str| PathBuf::from(env::var_os(name).unwrap_or_default());
    let root = folder("CARGO_MANIFEST_DIR").join("../..");
    let paths = hit_codehash::write_rust(&root, &folder("OUT_DIR").join("code.rs")).unwrap_or_else(|error| {
        println!("cargo::error=code digests: {error}");
        hit_codehash::rerun_paths(&root)
    });
    let version = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    println!("cargo::rustc-env=HITREPRO_RUSTC={version}");
    for path in paths {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}
