//! What the layers of a model say of some windows, and what that looks like in the plane.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Block, BlockWriter, Error};

/// Mean output of each layer over the tokens of a window.
#[derive(Clone, PartialEq, Debug)]
pub struct Activations {
    /// Split that the windows are of.
    pub split: String,
    /// Windows by their number in the split.
    pub windows: Vec<u64>,
    /// Layers by name, `audio.0` to `midi.3`, and `midi.0.padded` where padding counted in the mean.
    pub layers: BTreeMap<String, Layer>,
}

/// One layer.
#[derive(Clone, PartialEq, Debug)]
pub struct Layer {
    /// Width of the layer.
    pub dims: usize,
    /// `[n_windows, dims]`, row-major.
    pub values: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    split: String,
}

impl Activations {
    const KIND: &'static str = "activations";
    const WINDOWS: &'static str = "windows";

    /// Writes the file.
    ///
    /// # Errors
    /// As [`BlockWriter::write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let n = self.windows.len();
        let block = BlockWriter::new(Self::KIND, &Meta { split: self.split.clone() });
        let block = block.u64(Self::WINDOWS, &[n], &self.windows);
        self.layers
            .iter()
            .fold(block, |block, (name, layer)| block.f32(name, &[n, layer.dims], &layer.values))
            .write(path)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let block = Block::open(path, Self::KIND)?;
        let Meta { split } = block.meta()?;
        let windows = block.u64(Self::WINDOWS)?;
        let mut layers = BTreeMap::new();
        for name in block.names().filter(|name| *name != Self::WINDOWS) {
            let &[n, dims] = block.shape(name)? else { return Err(block.wrong(&format!("`{name}` is no matrix"))) };
            if n != windows.len() || dims == 0 {
                return Err(block.wrong(&format!("`{name}` is not [{}, dims]", windows.len())));
            }
            layers.insert(name.to_owned(), Layer { dims, values: block.f32(name)? });
        }
        Ok(Self { split, windows, layers })
    }
}

/// A window in the plane (test 10).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Projected {
    /// `tsne` or `umap`.
    pub method: String,
    /// Window of the split.
    pub window: usize,
    /// Its performance.
    pub performance: String,
    /// `audio` or `midi`.
    pub modality: String,
    /// First coordinate.
    pub x: f64,
    /// Second coordinate.
    pub y: f64,
}

/// A bar of the histograms of cosines (test 10).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CosineBin {
    /// Lower edge.
    pub low: f64,
    /// Upper edge, which belongs to the next bar but in the last.
    pub high: f64,
    /// Pairs of audio and its own MIDI.
    pub matched: u64,
    /// Pairs of audio and MIDI of other performances.
    pub random: u64,
}

/// CSV rows of a kind that has a header of its own.
trait Rows: Serialize + DeserializeOwned {
    const KIND: &'static str;
    const COLUMNS: &'static [&'static str];
}

impl Rows for Projected {
    const KIND: &'static str = "projection";
    const COLUMNS: &'static [&'static str] = &["method", "window", "performance", "modality", "x", "y"];
}

impl Rows for CosineBin {
    const KIND: &'static str = "cosines";
    const COLUMNS: &'static [&'static str] = &["low", "high", "matched", "random"];
}

fn to_csv<T: Rows>(rows: &[T]) -> String {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(T::COLUMNS).expect("writing to memory");
    for row in rows {
        writer.serialize(row).expect("writing to memory");
    }
    String::from_utf8(writer.into_inner().expect("writing to memory")).expect("CSV made from strings is text")
}

fn read<T: Rows>(path: &Path) -> Result<Vec<T>, Error> {
    let text = fs_err::read(path)?;
    let rows = csv::Reader::from_reader(text.as_slice()).into_deserialize().collect::<Result<_, _>>();
    rows.map_err(|error| Error::format(path, T::KIND, error))
}

impl Projected {
    /// CSV text with a header, in the order given.
    pub fn to_csv(rows: &[Self]) -> String {
        to_csv(rows)
    }

    /// Reads such a file.
    ///
    /// # Errors
    /// [`Error::Format`] with the line, also for a coordinate that is not finite; [`Error::Io`].
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let rows: Vec<Self> = read(path)?;
        match rows.iter().find(|row| !row.x.is_finite() || !row.y.is_finite()) {
            None => Ok(rows),
            Some(row) => {
                let what = format!("window {} of {} lies at {}, {}", row.window, row.method, row.x, row.y);
                Err(Error::format(path, Self::KIND, what))
            }
        }
    }
}

impl CosineBin {
    /// CSV text with a header, in the order given.
    pub fn to_csv(rows: &[Self]) -> String {
        to_csv(rows)
    }

    /// Reads such a file.
    ///
    /// # Errors
    /// [`Error::Format`] with the line; [`Error::Io`].
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        read(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn activations_read_back() {
        let layer = |dims: usize, first: f32| Layer { dims, values: (0..3 * dims).map(|i| first + i as f32).collect() };
        let layers = [("audio.0", layer(4, 0.5)), ("midi.0", layer(2, -1.0)), ("midi.0.padded", layer(2, 7.0))];
        let written = Activations {
            split: "validation".into(),
            windows: vec![0, 7, 9],
            layers: layers.map(|(name, layer)| (name.to_owned(), layer)).into(),
        };
        let dir = folder();
        let path = dir.path().join("activations");
        written.write(&path).unwrap();
        assert_eq!(Activations::read(&path).unwrap(), written);
    }

    #[test]
    fn a_layer_of_other_windows_is_refused() {
        let dir = folder();
        let path = dir.path().join("activations");
        for (shape, why) in [(vec![2, 2], "[3, dims]"), (vec![4], "no matrix"), (vec![3, 0], "[3, dims]")] {
            let values = vec![0.0; shape.iter().product()];
            BlockWriter::new(Activations::KIND, &serde_json::json!({ "split": "test" }))
                .u64("windows", &[3], &[0, 1, 2])
                .f32("audio.0", &shape, &values)
                .write(&path)
                .unwrap();
            let error = Activations::read(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn rows_of_the_plane_and_of_histograms_read_back() {
        let dir = folder();
        let path = dir.path().join("rows");
        let row = |modality: &str, x| Projected {
            method: "tsne".into(),
            window: 3,
            performance: "a, \"b\"".into(),
            modality: modality.into(),
            x,
            y: -0.25,
        };
        let rows = [row("midi", 1e-300), row("audio", 12.5)];
        fs_err::write(&path, Projected::to_csv(&rows)).unwrap();
        assert_eq!(Projected::read(&path).unwrap(), rows, "in the order given");
        let bins = [CosineBin { low: -1.0, high: -0.95, matched: 0, random: u64::MAX }];
        fs_err::write(&path, CosineBin::to_csv(&bins)).unwrap();
        assert_eq!(CosineBin::read(&path).unwrap(), bins);
        for empty in [Projected::to_csv(&[]), CosineBin::to_csv(&[])] {
            assert_eq!(empty.lines().count(), 1, "the header stands without rows: {empty}");
        }
    }

    #[test]
    fn points_that_are_nowhere_are_refused() {
        let dir = folder();
        let path = dir.path().join("rows");
        for (text, why) in [
            ("method,window,performance,modality,x,y\ntsne,4,a,audio,NaN,0\n", "window 4 of tsne lies at NaN"),
            ("method,window,performance,modality,x,y\ntsne,-4,a,audio,0,0\n", "line: 2"),
            ("low,high,matched,random\n0,1,2,3\n", "method"),
        ] {
            fs_err::write(&path, text).unwrap();
            let error = Projected::read(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        fs_err::write(&path, "low,high,matched,random\n0,1,2.5,3\n").unwrap();
        assert!(CosineBin::read(&path).is_err(), "half a pair");
    }
}
