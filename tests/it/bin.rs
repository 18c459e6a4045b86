//! The binary under test: the program itself, in a package whose tests may ask cargo for its path.

fn main() -> std::process::ExitCode {
    hitrepro::main()
}
