"""Writes VGG19 with seeded weights in Keras' older HDF5 layout, 575 MB: python make-vgg19.py FILE

For test/models/large.test.ts, which reads it where ADJOINT_TEST_VGG19 says. Run where h5py is installed.
"""

import sys

import h5py
import numpy as np

blocks = [(64, 2), (128, 2), (256, 4), (512, 4), (512, 4)]
random = np.random.default_rng(19)
names = []


def layer(file, name, *weights):
    names.append(name)
    group = file.create_group(name)
    group.attrs["weight_names"] = [f"{name}/{weight}:0".encode() for weight, _ in weights]
    for weight, shape in weights:
        scale = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.01
        group.create_dataset(f"{name}/{weight}:0", data=random.standard_normal(shape, dtype=np.float32) * np.float32(scale))


def dense(file, name, inputs, units):
    layer(file, name, ("kernel", (inputs, units)), ("bias", (units,)))


with h5py.File(sys.argv[1], "w") as file:
    layer(file, "input_1")
    channels = 3
    for block, (filters, count) in enumerate(blocks, 1):
        for number in range(1, count + 1):
            layer(file, f"block{block}_conv{number}", ("kernel", (3, 3, channels, filters)), ("bias", (filters,)))
            channels = filters
        layer(file, f"block{block}_pool")
    layer(file, "flatten")
    dense(file, "fc1", 25088, 4096)
    dense(file, "fc2", 4096, 4096)
    dense(file, "predictions", 4096, 1000)
    file.attrs["layer_names"] = [name.encode() for name in names]
    file.attrs["backend"] = b"tensorflow"
    file.attrs["keras_version"] = b"2.2.4"
