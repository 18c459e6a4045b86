"""Tests of this folder: `python3 crates/hit-bench/benches/dry/test_dry.py`. They need `cc`, no GPU and no toolkit."""

import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import dry

# In a process of its own, at whose end the driver writes its counts.
USE = """
import ctypes, sys
driver = ctypes.CDLL(sys.argv[1])
address, kernel = ctypes.c_uint64(), [ctypes.c_void_p() for _ in range(2)]
assert driver.cuInit(0) == 0
assert driver.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(100 << 30)) == 2, "more than there is"
for _ in range(3):
    assert driver.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(1 << 30)) == 0
    text, back = ctypes.create_string_buffer(b"there and back"), ctypes.create_string_buffer(15)
    assert driver.cuMemcpyHtoDAsync_v2(address, text, ctypes.c_size_t(15), None) == 0
    assert driver.cuMemcpyDtoHAsync_v2(back, address, ctypes.c_size_t(15), None) == 0
    assert back.value == b"there and back"
    assert driver.cuMemFree_v2(address) == 0
for k, name in zip(kernel, [b"gelu_kernel_01234567", b"gelu_kernel_89abcdef"]):
    assert driver.cuModuleGetFunction(ctypes.byref(k), None, name) == 0
launch = lambda k: driver.cuLaunchKernel(k, 1, 1, 1, 1, 1, 1, 0, None, None, None)
assert [launch(k) for k in [kernel[0], kernel[1], kernel[0]]] == [0, 0, 0]
"""


class Driver(unittest.TestCase):
    def test_memory_and_launches_are_counted(self):
        with tempfile.TemporaryDirectory() as folder:
            dry.driver(folder)
            counts = pathlib.Path(folder) / "counts"
            use = [sys.executable, "-c", USE, f"{folder}/libcuda.so"]
            subprocess.run(use, check=True, env=os.environ | {"DRY_COUNTS": str(counts)})
            peak, compiled, launches = dry.counts(counts.read_text())
        self.assertTrue(1 << 30 <= peak < (1 << 30) + (1 << 14), peak)
        self.assertEqual((compiled, dict(launches)), (2, {"gelu_kernel": 3}))

    def test_it_is_no_device_beyond_the_first(self):
        with tempfile.TemporaryDirectory() as folder:
            dry.driver(folder)
            driver, device = ctypes.CDLL(f"{folder}/libcuda.so"), ctypes.c_int()
            self.assertEqual([driver.cuDeviceGet(ctypes.byref(device), which) for which in (0, 1)], [0, 101])


class Counts(unittest.TestCase):
    def test_a_step_is_what_ten_more_have_more(self):
        short = dry.counts("peak 5\nlaunches 7 a_01234567\nlaunches 4 once_01234567\n")[2]
        long = dry.counts("peak 5\nlaunches 17 a_01234567\nlaunches 20 a_89abcdef\nlaunches 4 once_01234567\n")[2]
        self.assertEqual(dry.a_step(short, long), {"a": 3.0})


if __name__ == "__main__":
    unittest.main()
