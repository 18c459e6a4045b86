//! A reverberating room: eight delays in parallel that feed back through a low-pass, then two all-passes (Schroeder 1962).
//!
//! The synthesiser has a reverberation of its own, which is not used: it leaves out every voice whose send is below a
//! threshold, so that at moderate levels only loud notes would sound in its room.

/// Delays that feed back, milliseconds: no two have a common period within what is heard.
const COMBS_MS: [f64; 8] = [29.7, 31.3, 33.1, 35.3, 37.1, 39.7, 41.1, 43.7];
/// Delays of the all-passes, milliseconds, which only spread echoes in time.
const ALL_PASSES_MS: [f64; 2] = [5.0, 1.7];
const ALL_PASS_GAIN: f64 = 0.7;
/// Share that the low-pass keeps of its last value: high frequencies die away sooner, as in air.
const DAMPING: f64 = 0.3;

/// Adds to `samples` what a room gives back of them, `level` times as strong, falling by 60 dB in `time_s` seconds.
///
/// The room is scaled so that of noise it gives back the power that it took: at a level of 1 room and instrument are
/// about as loud.
pub fn add(samples: &mut [f32], sample_rate_hz: u32, level: f64, time_s: f64) {
    let mut room = Room::new(sample_rate_hz, time_s);
    let length = (time_s * f64::from(sample_rate_hz)).ceil() as usize;
    let energy: f64 = (0..length).map(|n| room.next(if n == 0 { 1.0 } else { 0.0 })).map(|value| value * value).sum();
    let gain = level / libm::sqrt(energy.max(f64::MIN_POSITIVE));
    let mut room = Room::new(sample_rate_hz, time_s);
    for sample in samples {
        *sample += (gain * room.next(f64::from(*sample))) as f32;
    }
}

struct Room {
    combs: Vec<Comb>,
    all_passes: Vec<AllPass>,
}

impl Room {
    fn new(sample_rate_hz: u32, time_s: f64) -> Self {
        let line = |ms: f64| vec![0.0; (ms * 1e-3 * f64::from(sample_rate_hz)).round() as usize];
        let comb = |ms: f64| {
            let feedback = libm::pow(10.0, -3.0 * ms * 1e-3 / time_s);
            Comb { line: line(ms), at: 0, feedback, low: 0.0 }
        };
        Self {
            combs: COMBS_MS.into_iter().map(comb).collect(),
            all_passes: ALL_PASSES_MS.into_iter().map(|ms| AllPass { line: line(ms), at: 0 }).collect(),
        }
    }

    fn next(&mut self, input: f64) -> f64 {
        let echoes = self.combs.iter_mut().map(|comb| comb.next(input)).sum();
        self.all_passes.iter_mut().fold(echoes, |value, all_pass| all_pass.next(value))
    }
}

struct Comb {
    line: Vec<f64>,
    at: usize,
    feedback: f64,
    low: f64,
}

impl Comb {
    fn next(&mut self, input: f64) -> f64 {
        let output = self.line[self.at];
        self.low = audible((1.0 - DAMPING) * output + DAMPING * self.low);
        self.line[self.at] = input + self.feedback * self.low;
        self.at = (self.at + 1) % self.line.len();
        output
    }
}

struct AllPass {
    line: Vec<f64>,
    at: usize,
}

impl AllPass {
    fn next(&mut self, input: f64) -> f64 {
        let delayed = self.line[self.at];
        let output = delayed - ALL_PASS_GAIN * input;
        self.line[self.at] = audible(input + ALL_PASS_GAIN * output);
        self.at = (self.at + 1) % self.line.len();
        output
    }
}

/// Nothing instead of the tiny numbers that a long silence ends in: processors are slow with them.
fn audible(value: f64) -> f64 {
    if value.abs() < 1e-30 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(rate_hz: u32, time_s: f64, length: usize) -> Vec<f32> {
        let mut samples = vec![0.0; length];
        samples[0] = 1.0;
        add(&mut samples, rate_hz, 1.0, time_s);
        samples[0] -= 1.0;
        samples
    }

    fn energy(samples: &[f32]) -> f64 {
        samples.iter().map(|sample| f64::from(sample * sample)).sum()
    }

    /// An impulse of energy 1 gives back energy 1, and what is left of it falls by 60 dB or a little more in the time asked
    /// for: the low-pass takes from high frequencies besides.
    #[test]
    fn decays_in_the_time_asked_for() {
        for (rate_hz, time_s) in [(24_000, 0.5), (24_000, 1.5), (48_000, 1.0)] {
            let second = f64::from(rate_hz) as usize;
            let response = response(rate_hz, time_s, 3 * second);
            assert!((energy(&response) - 1.0).abs() < 0.01, "{}", energy(&response));
            let left_db = |at_s: f64| 10.0 * libm::log10(energy(&response[(at_s * f64::from(rate_hz)) as usize..]));
            let fall_db = left_db(0.2 * time_s) - left_db(0.7 * time_s);
            assert!((29.0..55.0).contains(&fall_db), "{fall_db} dB in half of {time_s} s");
        }
    }

    /// Before the first echo there is nothing, and the same sound twice as loud has a room twice as loud.
    #[test]
    fn is_linear_and_late() {
        let once = response(24_000, 1.0, 10_000);
        assert!(once[1..700].iter().all(|sample| *sample == 0.0), "the shortest way is 29.7 ms");
        let mut twice = vec![0.0; 10_000];
        twice[0] = 2.0;
        add(&mut twice, 24_000, 1.0, 1.0);
        assert!(once.iter().zip(&twice).skip(1).all(|(one, two)| (2.0 * one - two).abs() < 1e-6));
        assert_eq!(response(24_000, 1.0, 10_000), once);
    }
}
