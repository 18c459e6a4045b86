"""Reads a model that `hitrepro export --format safetensors RUN` wrote. Needs PyTorch, nothing else.

    python3 load_hitrepro.py FILE     prints what it is and its arrays
"""

import json
import struct
import sys

import torch


def load(path):
    """(metadata, state_dict): a dict that tells run, arm, sizes, ...; and arrays under PyTorch's names, in its layouts."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), bytearray(file.read())
    metadata, state = json.loads(header.pop("__metadata__")["hit"])["meta"], {}
    for name, entry in header.items():
        (begin, end), dtype = entry["data_offsets"], {"F32": torch.float32}[entry["dtype"]]
        state[name] = torch.frombuffer(data[begin:end], dtype=dtype).reshape(entry["shape"])
    return metadata, state


if __name__ == "__main__":
    metadata, state = load(sys.argv[1])
    print(json.dumps(metadata, indent=2))
    for name, array in state.items():
        print(name, list(array.shape))
