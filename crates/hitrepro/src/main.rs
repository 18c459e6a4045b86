//! The binary; everything is in the library, so that the tests' binary is the same program.

fn main() -> std::process::ExitCode {
    hitrepro::main()
}
