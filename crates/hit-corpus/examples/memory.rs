//! What reading a recording takes: seconds and the peak of the process's memory, one line a file.
//!
//! `cargo run --release -p hit-corpus --example memory -- SECONDS FILE...` reads so much of each file as 24 kHz mono, as the
//! preparation of a corpus does. The peak is that of all files until then (Linux; elsewhere it is not known), so name the
//! one that is in question first. The numbers in the docs of `audio::read` are from here.

use std::path::Path;
use std::time::Instant;

use hit_corpus::audio;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let reach_s: f64 = arguments.next().and_then(|text| text.parse().ok()).expect("seconds are the first argument");
    println!("before: {}", peak());
    for name in arguments {
        let start = Instant::now();
        let read = audio::read(Path::new(&name), 24_000, reach_s);
        let took_s = start.elapsed().as_secs_f64();
        let what = match read {
            Ok(audio) => format!("{} samples of {:.1} s", audio.samples.len(), audio.duration_s),
            Err(fault) => fault.to_string(),
        };
        println!("{name}: peak {}, {took_s:.2} s: {what}", peak());
    }
}

/// High-water mark of the process, MB.
fn peak() -> String {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: Option<f64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.map_or("unknown".to_owned(), |kib| format!("{:.1} MB", kib * 1024.0 / 1e6))
}
