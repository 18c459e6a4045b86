//! `bench`: what training and embedding take on this machine, and the campaign with them.

mod text;
mod work;

use hit_bench::{Forecast, Measured, Rate, Settings, Subject, Windows, forecast, measure};
use hit_descriptors::{DESCRIPTORS, Rows, Stft};
use serde::Serialize;

use crate::Error;
use crate::cli::{Bench, Format, Options};
use crate::commands::doctor::gpu_names;
use crate::config::Profile;
use crate::exit::Exit;
use crate::interrupt::cancel_on_interrupt;
use crate::output::{print, print_json};
use crate::progress::Meter;
use crate::project::{Compute, Project};
use crate::registry;
use crate::system::{Checkout, Hardware};
use text::text;
use work::{SplitWindows, work};

/// Arms that are measured if none is named: the paper's baseline, both concatenations, and the arm of few tokens.
const ARMS: [&str; 3] = ["D0", "d4a4", "a4r"];
/// Root seed of weights, dropout and batches.
const SEED: u64 = 42;

/// What `bench --format json` prints: a contract.
#[derive(Serialize)]
struct Report {
    schema: u32,
    profile: String,
    /// Device that was measured.
    device: String,
    backend: String,
    /// Threads of the measured training, as `all` would give it with these options.
    threads: usize,
    precision: &'static str,
    hitrepro: &'static str,
    rust: &'static str,
    checkout: Option<Checkout>,
    hardware: Hardware,
    arms: Vec<Measured>,
    forecast: Foretold,
}

/// The forecast, and what it rests on.
#[derive(Serialize)]
struct Foretold {
    #[serde(flatten)]
    forecast: Forecast,
    /// Windows by split; none if they are not known.
    windows: SplitWindows,
    /// Why the corpus could not be looked at, if it could not.
    corpus: Option<String>,
}

/// Measures the arms and foretells the campaign.
///
/// # Errors
/// [`Error`].
pub fn bench(options: &Options, what: &Bench) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let compute = project.compute()?;
    let arms = arms(&project, &what.arms)?;
    let run_options = project.run_options(&compute);
    let settings = Settings {
        device: compute.devices[0].clone(),
        threads: run_options.threads_per_stage,
        steps: what.steps as usize,
        seconds: f64::from(what.seconds),
        hash_after: what.hash_after.map(u64::from),
        seed: SEED,
    };
    let (graph, lacking) = project.graph_to_show(&compute)?;
    let selection = project.selection(&graph, &[])?;
    let meter = Meter::new(options.quiet, cancel_on_interrupt(options.quiet));
    let measured = arms.iter().map(|id| measure_arm(&project, id, what, &settings, &meter));
    let measured = measured.collect::<Result<Vec<Measured>, Error>>();
    meter.finish();
    let measured = measured?;

    let (work, windows) = work(&project, &graph, &selection, what.notes as usize)?;
    let rates: Vec<Rate> = measured.iter().map(Rate::from).collect();
    let forecast = forecast(&work, &rates, at_once(&compute, run_options.devices.len()))?;
    let report = Report {
        schema: 1,
        profile: project.name.clone(),
        device: settings.device.clone(),
        backend: compute.backend.clone(),
        threads: settings.threads,
        precision: what.precision.unwrap_or(project.profile.model.precision).name(),
        hitrepro: env!("CARGO_PKG_VERSION"),
        rust: env!("HITREPRO_RUSTC"),
        checkout: Checkout::detect(&project.root),
        hardware: Hardware::detect(gpu_names()),
        arms: measured,
        forecast: Foretold { forecast, windows, corpus: lacking.map(|error| error.to_string()) },
    };
    match options.format {
        Format::Json => print_json(&report)?,
        _ => print(&text(&report, project.profile.train.batch_size))?,
    }
    Ok(Exit::Ok)
}

/// Trainings that run at full speed at the same time: one on each GPU, and on a CPU as many as it has slots, which share its cores.
fn at_once(compute: &Compute, slots: usize) -> usize {
    if compute.backend == "flex" { slots } else { compute.devices.len() }
}

/// The arms asked for, each once; if none, those of [`ARMS`] that the campaign has, or else its first.
fn arms(project: &Project, asked: &[String]) -> Result<Vec<String>, Error> {
    let known = &project.config.arms;
    if let Some(name) = asked.iter().find(|id| !known.contains_key(*id)) {
        return Err(Error::UnknownName { what: "arm", name: name.clone(), known: known.keys().cloned().collect() });
    }
    let mut arms: Vec<String> = Vec::new();
    for id in asked {
        if !arms.contains(id) {
            arms.push(id.clone());
        }
    }
    if arms.is_empty() {
        let campaign: Vec<&String> = project.profile.campaign.arms().collect();
        arms = ARMS.into_iter().map(str::to_owned).filter(|id| campaign.contains(&id)).collect();
        if arms.is_empty() {
            arms.extend(campaign.first().map(|id| (*id).clone()));
        }
    }
    Ok(arms)
}

fn measure_arm(
    project: &Project,
    id: &str,
    what: &Bench,
    settings: &Settings,
    meter: &Meter,
) -> Result<Measured, Error> {
    let profile = &project.profile;
    let arm = profile.complete(&project.config.arms[id]);
    let mut train = profile.train.clone();
    train.batch_size = what.batch.map_or(train.batch_size, usize::from);
    let mut model = profile.model.clone();
    model.precision = what.precision.unwrap_or(model.precision);
    let subject = Subject {
        id,
        arm: &arm,
        family: registry::family(&arm.family),
        model: &model,
        train: &train,
        schedule: project.config.schedules[&profile.campaign.replication.schedule],
        windows: &windows(profile, what.notes as usize),
    };
    Ok(measure(&subject, settings, meter)?)
}

/// Windows of the profile.
fn windows(profile: &Profile, n_notes: usize) -> Windows {
    let n_samples = profile.corpus.windows.window_samples();
    let per_note = DESCRIPTORS.iter().filter(|descriptor| descriptor.rows == Rows::Notes);
    let per_note = per_note.map(|descriptor| descriptor.id.to_owned()).collect();
    Windows { n_samples, n_notes, n_frames: Stft::n_frames(n_samples), per_note }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::tests::project;

    #[test]
    fn arms_are_those_named_or_the_usual_ones_of_the_campaign() {
        let dir = tempfile::tempdir().unwrap();
        let mut project = project(dir.path(), &[]).unwrap();
        let chosen = |project: &Project, asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
            arms(project, &asked).map(|arms| arms.join(" "))
        };
        assert_eq!(chosen(&project, &[]).unwrap(), "D0 d4a4 a4r");
        assert_eq!(chosen(&project, &["A7", "D0", "A7"]).unwrap(), "A7 D0");
        let error = chosen(&project, &["d4a5"]).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains("did you mean `d4a4`?"), "{error}");
        let campaign = &mut project.profile.campaign;
        campaign.foundation.arm = "A7".to_owned();
        campaign.screening.arms = vec!["A7".to_owned(), "A8".to_owned()];
        campaign.families.arms.clear();
        campaign.confirmation.runs.clear();
        campaign.replication.arms.clear();
        campaign.controls = None;
        assert_eq!(chosen(&project, &[]).unwrap(), "A7", "a campaign without them has its first arm measured");
    }

    #[test]
    fn cores_are_divided_among_slots_and_gpus_are_not() {
        let on = |devices: &[&str], backend: &str| Compute {
            devices: devices.iter().map(ToString::to_string).collect(),
            backend: backend.to_owned(),
        };
        assert_eq!(at_once(&on(&["cpu"], "flex"), 4), 4);
        assert_eq!(at_once(&on(&["cuda:0", "cuda:1"], "cuda"), 6), 2, "slots of one GPU share it");
    }

    #[test]
    fn windows_are_the_profiles() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path(), &["--profile", "reference"]).unwrap();
        let windows = windows(&project.profile, 64);
        assert_eq!((windows.n_samples, windows.n_frames, windows.n_notes), (96_000, 188, 64));
        assert_eq!(windows.per_note, ["d4".to_owned()].into());
    }
}
