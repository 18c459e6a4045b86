//! The processor that tensors live on, chosen at run time.

use burn::tensor::{Device, DeviceType, FloatDType};
use hit_kernels::Precision;

use crate::Error;

/// A way to GPUs. Its name, a colon and a number are the name of a device; the name alone is that of its numeric backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gpu {
    /// burn-cuda, on GPUs of NVIDIA.
    Cuda,
    /// burn-wgpu over Vulkan, on GPUs of any vendor, and on a processor that a driver makes look like one (Mesa's lavapipe).
    Wgpu,
}

impl Gpu {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Cuda, Self::Wgpu];

    /// As it stands before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Wgpu => "wgpu",
        }
    }

    /// Number of its devices; 0 where there is no driver or no GPU.
    pub fn count(self) -> usize {
        self.devices().len()
    }

    /// The name of its device of that number.
    pub fn device(self, number: usize) -> String {
        format!("{}:{number}", self.name())
    }

    fn devices(self) -> Vec<Device> {
        let kind = match self {
            Self::Cuda => DeviceType::Cuda,
            Self::Wgpu => DeviceType::Wgpu,
        };
        Device::enumerate(kind).into_vec()
    }
}

/// The device called `name`: `cpu` is burn-flex, `cuda:N` and `wgpu:N` are the N-th GPU that is reached that way.
///
/// # Errors
/// [`Error::NoDevice`] with the names there are.
pub fn device(name: &str) -> Result<Device, Error> {
    if name == "cpu" {
        return Ok(Device::flex());
    }
    let found = name.split_once(':').and_then(|(kind, number)| {
        let gpu = Gpu::ALL.into_iter().find(|gpu| gpu.name() == kind)?;
        gpu.devices().into_iter().nth(number.parse().ok()?)
    });
    found.ok_or_else(|| {
        let gpus = Gpu::ALL.into_iter().flat_map(|gpu| (0..gpu.count()).map(move |number| gpu.device(number)));
        let names: Vec<String> = std::iter::once("cpu".to_owned()).chain(gpus).collect();
        Error::NoDevice { name: name.to_owned(), available: names.join(", ") }
    })
}

/// The device called `name`, to multiply in that precision.
///
/// # Errors
/// [`Error::NoDevice`]; [`Error::NoPrecision`] where the device has no such numbers, of which burn would make garbage.
pub fn device_in(name: &str, precision: Precision) -> Result<Device, Error> {
    let device = device(name)?;
    if precision == Precision::Bf16 && !device.supports_dtype(FloatDType::BF16) {
        return Err(Error::NoPrecision { device: name.to_owned(), precision: precision.name() });
    }
    Ok(device)
}

/// Gives memory that nothing uses any more back to the device, so that work on other threads can have it. burn's pools belong to the thread that
/// filled them, and outlive it. Nothing on a CPU.
pub fn release(device: &Device) {
    device.memory_cleanup();
}

/// The numeric backend behind a device name, as it enters the keys of stages: `flex`, or the name of a [`Gpu`].
pub fn backend_name(device: &str) -> &'static str {
    let kind = device.split(':').next();
    Gpu::ALL.into_iter().map(Gpu::name).find(|name| kind == Some(name)).unwrap_or("flex")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_found_by_name_or_refused_with_the_names_there_are() {
        assert!(device("cpu").is_ok());
        for gpu in Gpu::ALL {
            assert!((0..gpu.count()).all(|number| device(&gpu.device(number)).is_ok()));
        }
        let beyond = Gpu::ALL.map(|gpu| gpu.device(gpu.count()));
        for wrong in [beyond[0].as_str(), beyond[1].as_str(), "cuda", "cuda:x", "wgpu", "wgpu:-1", "gpu", ""] {
            let Err(Error::NoDevice { name, available }) = device(wrong) else { panic!("{wrong} is no device") };
            assert_eq!(name, wrong);
            assert!(available.starts_with("cpu"));
        }
    }

    #[test]
    fn precisions_that_a_device_lacks_are_refused() {
        for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
            assert!(device_in("cpu", precision).is_ok(), "{}", precision.name());
            assert!(matches!(device_in("gpu", precision), Err(Error::NoDevice { .. })));
            for name in Gpu::ALL.into_iter().flat_map(|gpu| (0..gpu.count()).map(move |number| gpu.device(number))) {
                match device_in(&name, precision) {
                    Ok(_) => {}
                    Err(Error::NoPrecision { precision: "bf16", .. }) => assert_eq!(precision, Precision::Bf16),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    #[test]
    fn backends_are_named_by_device() {
        assert_eq!(backend_name("cpu"), "flex");
        assert_eq!(backend_name("cuda:1"), "cuda");
        assert_eq!(backend_name("wgpu:0"), "wgpu");
    }
}
