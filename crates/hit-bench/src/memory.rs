//! Memory that this process has needed.

use std::process::Command;

const STATUS: &str = "/proc/self/status";
/// Writing 5 here sets the peak back to what is in use now.
const CLEAR: &str = "/proc/self/clear_refs";

/// Starts a new peak, where the system can do that; elsewhere the peak stays that of the whole process.
pub(crate) fn reset_peak() {
    fs_err::write(CLEAR, "5").ok();
}

/// Largest main memory of this process since the peak was last set back, bytes; none where the system does not tell.
pub fn peak_bytes() -> Option<u64> {
    peak_of(&fs_err::read_to_string(STATUS).ok()?)
}

/// The line `VmHWM:  1234 kB`.
fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Memory that the driver has given this process on all GPUs, bytes; none where its tool is missing or does not know the process,
/// as in a container with process numbers of its own. The allocator keeps what it once took, so this is its peak.
pub fn gpu_bytes() -> Option<u64> {
    let query = ["--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"];
    let output = Command::new("nvidia-smi").args(query).output().ok().filter(|output| output.status.success())?;
    gpu_of(&String::from_utf8_lossy(&output.stdout), std::process::id())
}

/// The lines `pid, MiB` of a process, added up.
fn gpu_of(table: &str, pid: u32) -> Option<u64> {
    let row = |line: &str| {
        let (of, mib) = line.split_once(',')?;
        (of.trim().parse() == Ok(pid)).then(|| mib.trim().parse::<u64>().ok()).flatten()
    };
    table.lines().filter_map(row).map(|mib| mib << 20).reduce(|sum, bytes| sum + bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status() {
        let status = "Name:\thitrepro\nVmPeak:\t  900000 kB\nVmHWM:\t  123456 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(peak_of(status), Some(123_456 * 1024));
        for wrong in ["", "VmHWM:\n", "VmHWM: x kB\n", "VmHWM: 5 MB\n", "VmRSS: 5 kB\n"] {
            assert_eq!(peak_of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn this_process_needs_some_memory() {
        // Other systems do not tell; where this one does, a test needs more than a page and less than the address space.
        if let Some(bytes) = peak_bytes() {
            assert!(bytes > 4096 && bytes < 1 << 46, "{bytes}");
        }
    }

    #[test]
    fn the_drivers_table_is_searched_for_the_process() {
        let table = "12, 700\n345, 1024\n345, 8\n3450, 9\n77, [N/A]\nno line\n";
        assert_eq!(gpu_of(table, 345), Some(1032 << 20), "two GPUs");
        assert_eq!(gpu_of(table, 12), Some(700 << 20));
        for absent in [1, 34, 77] {
            assert_eq!(gpu_of(table, absent), None);
        }
        assert_eq!(gpu_of("", 1), None);
    }
}
