//! Describes samples from standard input: `describe DESCRIPTOR VARIANT < SAMPLES > ROWS`.
//!
//! Samples are mono, 24 kHz, −1..=1, raw little-endian `f32`; rows come out as CSV without a header, one frame a line,
//! each number in the fewest digits that read back as the same `f32`. `tests/golden/real_audio.py` compares them.

use std::io::{Read, Write};
use std::process::ExitCode;

use hit_descriptors::{Compute, Stft, Variant, find};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("describe: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [id, variant] = args else { return Err("expected are a descriptor (a4, a7, ...) and a variant".into()) };
    let variant = [Variant::Reference, Variant::Paper]
        .into_iter()
        .find(|known| known.name() == variant)
        .ok_or_else(|| format!("there is no variant `{variant}`; known are reference, paper"))?;
    let descriptor = find(id)?;
    let Compute::Audio(compute) = descriptor.compute else {
        return Err(format!("`{id}` is computed from notes; samples are read here").into());
    };
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let (samples, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(format!("{} bytes are no whole number of f32 samples", bytes.len()).into());
    }
    let audio: Vec<f32> = samples.iter().map(|&sample| f32::from_le_bytes(sample)).collect();
    let rows = compute(&mut Stft::new(), &audio, variant)?;
    let line = |row: &[f32]| row.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
    let text: String = rows.chunks_exact(descriptor.dims).map(|row| line(row) + "\n").collect();
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
