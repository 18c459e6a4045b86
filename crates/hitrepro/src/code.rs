//! Code digests of the workspace's crates, made by the build script.

include!(concat!(env!("OUT_DIR"), "/code.rs"));
