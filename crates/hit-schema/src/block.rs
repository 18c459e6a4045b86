//! Named arrays in one file: safetensors with one metadata entry, read whole or by range.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytemuck::Pod;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::map::Map;

const META: &str = "hit";

/// Longest header that is believed: a checkpoint of the largest arm needs some 30 KiB.
const MAX_HEADER: u64 = 1 << 26;

/// Element types that a block holds.
trait Element: Pod {
    const DTYPE: Dtype;
}

macro_rules! element {
    ($($t:ty => $d:ident),*) => { $(impl Element for $t { const DTYPE: Dtype = Dtype::$d; })* };
}
element!(f32 => F32, f64 => F64, u8 => U8, u64 => U64);

/// Collects arrays and writes them; equal arrays give equal bytes.
pub struct BlockWriter<'a> {
    meta: String,
    arrays: BTreeMap<String, (Dtype, Vec<usize>, &'a [u8])>,
}

impl<'a> BlockWriter<'a> {
    /// A block of the given kind with its metadata.
    pub fn new(kind: &str, meta: &impl Serialize) -> Self {
        let meta = hit_stage::canonical_json(&serde_json::json!({ "kind": kind, "meta": meta }));
        Self { meta, arrays: BTreeMap::new() }
    }

    /// Adds an `f32` array of that shape.
    ///
    /// # Panics
    /// If the values do not fill the shape.
    #[must_use]
    pub fn f32(self, name: &str, shape: &[usize], values: &'a [f32]) -> Self {
        self.add(name, shape, values)
    }

    /// Adds an `f64` array.
    ///
    /// # Panics
    /// If the values do not fill the shape.
    #[must_use]
    pub fn f64(self, name: &str, shape: &[usize], values: &'a [f64]) -> Self {
        self.add(name, shape, values)
    }

    /// Adds a `u8` array.
    ///
    /// # Panics
    /// If the values do not fill the shape.
    #[must_use]
    pub fn u8(self, name: &str, shape: &[usize], values: &'a [u8]) -> Self {
        self.add(name, shape, values)
    }

    /// Adds a `u64` array.
    ///
    /// # Panics
    /// If the values do not fill the shape.
    #[must_use]
    pub fn u64(self, name: &str, shape: &[usize], values: &'a [u64]) -> Self {
        self.add(name, shape, values)
    }

    fn add<T: Element>(mut self, name: &str, shape: &[usize], values: &'a [T]) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "array `{name}` does not fill its shape {shape:?}");
        self.arrays.insert(name.to_owned(), (T::DTYPE, shape.to_vec(), bytemuck::cast_slice(values)));
        self
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] if safetensors refuses the arrays.
    pub fn write(self, path: &Path) -> Result<(), Error> {
        let refuse = |error: safetensors::SafeTensorError| Error::format(path, "safetensors", error);
        let mut views = Vec::with_capacity(self.arrays.len());
        for (name, (dtype, shape, bytes)) in &self.arrays {
            views.push((name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).map_err(refuse)?));
        }
        let info = [(META.to_owned(), self.meta)].into();
        safetensors::serialize_to_file(views, Some(info), path).map_err(refuse)
    }
}

/// What a file that [`BlockWriter`] writes starts with: length of the header, header. Arrays are given in the order of their data,
/// which is that of the writer: wider elements first, then by name.
pub(crate) fn head(
    kind: &str,
    meta: &impl Serialize,
    arrays: &[(&str, Dtype, Vec<usize>)],
) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let meta = hit_stage::canonical_json(&serde_json::json!({ "kind": kind, "meta": meta }));
    let mut offset = 0;
    let infos = arrays.iter().map(|(name, dtype, shape)| {
        let start = offset;
        offset += shape.iter().product::<usize>() * dtype.bitsize() / 8;
        ((*name).to_owned(), TensorInfo { dtype: *dtype, shape: shape.clone(), data_offsets: (start, offset) })
    });
    let header = Metadata::new(Some([(META.to_owned(), meta)].into()), infos.collect())?;
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(size_of::<u64>()), b' ');
    Ok([(header.len() as u64).to_le_bytes().as_slice(), &header].concat())
}

struct Place {
    dtype: Dtype,
    shape: Vec<usize>,
    offset: usize,
    n_elements: usize,
}

/// A file of arrays, opened: its header is known, its data are mapped into memory and read when they are looked at.
///
/// No file handle is kept, so a thousand performances do not use up the process's file descriptors.
pub struct Block {
    path: PathBuf,
    map: Map,
    kind: String,
    meta: serde_json::Value,
    places: BTreeMap<String, Place>,
}

impl Block {
    /// Reads the header of `path` and checks that the block is of `kind` and its data complete.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    ///
    /// # Panics
    /// Never on any file: eight bytes are eight bytes, and names come from the header.
    pub fn open(path: &Path, kind: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::format(path, kind, what);
        let mut file = fs_err::File::open(path)?;
        let len = file.metadata()?.len();
        let mut head = vec![0; 8];
        file.read_exact(&mut head).map_err(|_| wrong("it is shorter than a header"))?;
        let header_len = u64::from_le_bytes(head[..8].try_into().expect("eight bytes"));
        if header_len > MAX_HEADER || header_len + 8 > len {
            return Err(wrong("its header is cut off"));
        }
        head.resize(8 + header_len as usize, 0);
        file.read_exact(&mut head[8..])?;
        let header: Metadata = serde_json::from_slice(&head[8..]).map_err(|error| Error::format(path, kind, error))?;
        let text = header.metadata().as_ref().and_then(|map| map.get(META)).ok_or_else(|| wrong("no metadata"))?;
        let text: serde_json::Value = serde_json::from_str(text).map_err(|error| Error::format(path, kind, error))?;
        if text["kind"] != kind {
            return Err(wrong(&format!("it is of kind {}", text["kind"])));
        }
        let mut places = BTreeMap::new();
        for name in header.offset_keys() {
            let info = header.info(&name).expect("a name from the header");
            let (start, end) = info.data_offsets;
            let n_elements = info.shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side));
            let n_bytes = n_elements.and_then(|n| n.checked_mul(info.dtype.bitsize() / 8));
            if n_bytes.is_none() || n_bytes != end.checked_sub(start) || 8 + header_len + end as u64 > len {
                return Err(wrong(&format!("array `{name}` is cut off")));
            }
            let (offset, n_elements) = (8 + header_len as usize + start, n_elements.unwrap_or_default());
            places.insert(name, Place { dtype: info.dtype, shape: info.shape.clone(), offset, n_elements });
        }
        let map = Map::of(file.file())?;
        Ok(Self { path: path.to_owned(), map, kind: kind.to_owned(), meta: text["meta"].clone(), places })
    }

    /// The metadata as `T`.
    ///
    /// # Errors
    /// [`Error::Format`] if it is something else.
    pub fn meta<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_value(self.meta.clone()).map_err(|error| self.wrong(&error.to_string()))
    }

    /// Names of the arrays, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Shape of an array.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none of that name.
    pub fn shape(&self, name: &str) -> Result<&[usize], Error> {
        Ok(&self.place(name)?.shape)
    }

    /// A whole `f32` array, row-major.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn f32(&self, name: &str) -> Result<Vec<f32>, Error> {
        self.all(name)
    }

    /// A whole `f64` array.
    ///
    /// # Errors
    /// As [`Block::f32`].
    pub fn f64(&self, name: &str) -> Result<Vec<f64>, Error> {
        self.all(name)
    }

    /// A whole `u8` array.
    ///
    /// # Errors
    /// As [`Block::f32`].
    pub fn u8(&self, name: &str) -> Result<Vec<u8>, Error> {
        self.all(name)
    }

    /// A whole `u64` array.
    ///
    /// # Errors
    /// As [`Block::f32`].
    pub fn u64(&self, name: &str) -> Result<Vec<u64>, Error> {
        self.all(name)
    }

    /// `n` elements of an `f32` array from element `start` on, where the map has them.
    ///
    /// # Errors
    /// [`Error::Format`] if the range is not inside the array, or no longer inside the file.
    pub fn f32_range(&self, name: &str, start: usize, n: usize) -> Result<&[f32], Error> {
        self.range(name, start, n)
    }

    fn all<T: Element>(&self, name: &str) -> Result<Vec<T>, Error> {
        self.range(name, 0, self.place(name)?.n_elements).map(<[T]>::to_vec)
    }

    fn range<T: Element>(&self, name: &str, start: usize, n: usize) -> Result<&[T], Error> {
        let place = self.place(name)?;
        if place.dtype != T::DTYPE {
            return Err(self.wrong(&format!("array `{name}` holds {:?}, not {:?}", place.dtype, T::DTYPE)));
        }
        if start.checked_add(n).is_none_or(|end| end > place.n_elements) {
            return Err(self.wrong(&format!("array `{name}` has no elements {start} to {start} + {n}")));
        }
        let bytes = self.map.bytes(place.offset + start * size_of::<T>(), n * size_of::<T>());
        let lost = |why: String| {
            self.wrong(&format!(
                "array `{name}` cannot be read: {why}; check the disk, then delete the file to make it anew"
            ))
        };
        let bytes = bytes.map_err(|error| lost(format!("its file was cut short, or the disk fails ({error})")))?;
        let bytes = bytes.ok_or_else(|| lost("its file was cut short".to_owned()))?;
        bytemuck::try_cast_slice(bytes)
            .map_err(|_| self.wrong(&format!("array `{name}` does not begin at a multiple of its width")))
    }

    fn place(&self, name: &str) -> Result<&Place, Error> {
        self.places.get(name).ok_or_else(|| self.wrong(&format!("it has no array `{name}`")))
    }

    pub(crate) fn wrong(&self, what: &str) -> Error {
        Error::format(&self.path, &self.kind, what)
    }
}
