//! The processor that tensors live on, chosen at run time.

use burn::tensor::{Device, DeviceType, FloatDType};
use hit_kernels::Precision;

use crate::Error;

/// Number of CUDA devices; 0 where there is no driver or no GPU.
pub fn cuda_devices() -> usize {
    Device::enumerate(DeviceType::Cuda).len()
}

/// The device called `name`: `cpu` is burn-flex, `cuda:N` is burn-cuda on the N-th GPU.
///
/// # Errors
/// [`Error::NoDevice`] with the names there are.
pub fn device(name: &str) -> Result<Device, Error> {
    if name == "cpu" {
        return Ok(Device::flex());
    }
    let n_cuda = cuda_devices();
    match name.strip_prefix("cuda:").and_then(|idx| idx.parse::<usize>().ok()) {
        Some(idx) if idx < n_cuda => Ok(Device::cuda(idx)),
        _ => {
            let names = std::iter::once("cpu".to_owned()).chain((0..n_cuda).map(|idx| format!("cuda:{idx}")));
            Err(Error::NoDevice { name: name.to_owned(), available: names.collect::<Vec<_>>().join(", ") })
        }
    }
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

/// The numeric backend behind a device name, as it enters the keys of stages: `flex` or `cuda`.
pub fn backend_name(device: &str) -> &'static str {
    if device.starts_with("cuda") { "cuda" } else { "flex" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_found_by_name_or_refused_with_the_names_there_are() {
        assert!(device("cpu").is_ok());
        let beyond = format!("cuda:{}", cuda_devices());
        for wrong in [beyond.as_str(), "cuda", "cuda:x", "gpu", ""] {
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
            for name in (0..cuda_devices()).map(|number| format!("cuda:{number}")) {
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
    }
}
