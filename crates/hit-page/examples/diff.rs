//! Two results folders held against each other: `cargo run -p hit-page --example diff -- results/a results/b`.

use hit_page::{Results, Tolerance, diff};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(a), Some(b)) = (words.next(), words.next()) else {
        return Err("two results folders are expected".into());
    };
    let diff = diff(&Results::read(a.as_ref())?, &Results::read(b.as_ref())?, Tolerance::default());
    print!("{}", diff.text(10));
    Ok(())
}
