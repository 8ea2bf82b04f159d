"""Writes models.json and keras/: what Keras 3 (on TensorFlow, float32) makes of networks, and small networks in its own files.

Run where keras, tensorflow and h5py are installed: python make-models.py DATA [FOLDER]
DATA is the folder of published models (cifar10-resnet8, fer-mini-xception).

Inputs are drawn from a hash that the test computes too (make-layers.py: drawn), so only outputs and small files are stored.
Parameters of the networks in keras/ are drawn from the same hash.
"""

import gzip
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["KERAS_BACKEND"] = "tensorflow"
import h5py
import keras
import numpy as np
from keras import layers

data = sys.argv[1]
folder = sys.argv[2] if len(sys.argv) > 2 else os.path.dirname(os.path.abspath(__file__))
files = os.path.join(folder, "keras")
os.makedirs(files, exist_ok=True)


def drawn(shape, seed, scale=1.0, shift=0.0):
    n = int(np.prod(shape))
    h = np.arange(n, dtype=np.uint64) + np.uint64(seed * 0x9E3779B1)
    mask = np.uint64(0xFFFFFFFF)
    h &= mask
    for shift_by, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h ^= h >> np.uint64(shift_by)
        h = (h * np.uint64(factor)) & mask
    values = (h >> np.uint64(8)).astype(np.float64) / 2**23 - 1
    return (values * scale + shift).astype(np.float32).reshape(shape)


golden = {"published": {}, "own": {}}


def rounded(values):
    return [float(f"{v:.8g}") for v in np.asarray(values, dtype=np.float64).ravel()]


for name, path, scale, shift in (
    ("cifar10-resnet8/model.h5", "cifar10-resnet8/model.h5", 127.5, 127.5),
    ("fer-mini-xception/model.hdf5", "fer-mini-xception/model.hdf5", 1.0, 0.0),
):
    model = keras.models.load_model(os.path.join(data, path), compile=False)
    shape = (3, *model.input_shape[1:])
    output = model(drawn(shape, 11, scale, shift), training=False)
    golden["published"][name] = {"input": {"shape": shape, "seed": 11, "scale": scale, "shift": shift}, "output": rounded(output)}


def fill(model):
    """Kernels of both signs that keep the size of what goes through, variances that are none too small, everything else in between."""
    weights = []
    for i, w in enumerate(model.weights):
        if w.path.endswith("count"):
            weights.append(np.zeros(w.shape))
        elif "kernel" in w.path:
            weights.append(drawn(w.shape, 100 + i, (5.0 / np.prod(w.shape[:-1])) ** 0.5))
        elif "gamma" in w.path or "variance" in w.path:
            weights.append(drawn(w.shape, 100 + i, 0.5, 1.0))
        else:
            weights.append(drawn(w.shape, 100 + i, 0.4))
    model.set_weights(weights)
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()


def save(name, model, *kinds):
    fill(model)
    for kind in kinds:
        if kind == "weights":
            model.save_weights(os.path.join(files, f"{name}.weights.h5"))
        elif kind == "json":
            with open(os.path.join(files, f"{name}.json"), "w") as file:
                file.write(model.to_json())
        else:
            model.save(os.path.join(files, f"{name}.{kind}"))
    shapes = [(2, *i.shape[1:]) for i in model.inputs]
    inputs = [drawn(shape, 7 + k) for k, shape in enumerate(shapes)]
    outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    golden["own"][name] = {
        "inputs": [{"shape": shape, "seed": 7 + k} for k, shape in enumerate(shapes)],
        "outputs": [rounded(o) for o in outputs],
        "parameters": model.count_params(),
    }


def branches():
    """Every class with parameters, activations as objects, layers shared and nested."""
    x = keras.Input((12, 12, 3), name="image")
    y = layers.Rescaling(0.5, offset=0.1)(x)
    y = layers.Normalization(axis=-1)(y)
    y = layers.ZeroPadding2D(((0, 1), (1, 0)))(y)
    y = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu6")(y)
    y = layers.BatchNormalization(epsilon=1e-4)(y)
    y = layers.SpatialDropout2D(0.3)(y)
    shared = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1, activation="hard_sigmoid")
    a = shared(y)
    b = shared(layers.LeakyReLU(negative_slope=0.1)(y))
    y = layers.Add()([a, b])
    y = layers.SeparableConv2D(8, 3, padding="same", activation=layers.ReLU(max_value=0.9))(y)
    y = layers.PReLU(shared_axes=[1, 2])(y)
    block = keras.Sequential([layers.Conv2D(8, 1, groups=2), layers.GroupNormalization(groups=4), layers.Activation("swish")], name="block")
    y = layers.Multiply()([y, block(y)])
    inner = keras.Input((7, 7, 8))
    z = layers.Conv2DTranspose(4, 2, strides=2)(inner)
    z = layers.LayerNormalization()(z)
    z = layers.MaxPooling2D()(layers.ELU(alpha=0.7)(z))
    nested = keras.Model(inner, layers.Concatenate()([z, inner]), name="nested")
    y = nested(y)
    y = layers.Cropping2D(1)(y)
    y = layers.UpSampling2D(2, interpolation="bilinear")(y)
    y = layers.AveragePooling2D(2, strides=1, padding="same")(y)
    left = layers.GlobalAveragePooling2D(keepdims=True)(y)
    right = layers.GlobalMaxPooling2D(keepdims=True)(y)
    y = layers.Average()([left, right])
    y = layers.Maximum()([y, layers.Minimum()([left, layers.Subtract()([right, left])])])
    y = layers.Permute((3, 1, 2))(y)
    y = layers.Reshape((-1,))(y)
    y = layers.GaussianNoise(0.1)(layers.Dropout(0.2)(y))
    y = layers.Dense(5, activation="gelu")(y)
    return keras.Model(x, layers.Softmax()(y), name="branches")


def twins():
    """Two inputs and outputs, a network applied twice, a layer that is frozen."""
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    tower = keras.Sequential([keras.Input((6,)), layers.Dense(4, activation="tanh"), layers.BatchNormalization(), layers.Dense(3)], name="tower")
    tower.layers[0].trainable = False
    p, q = tower(a), tower(b)
    distance = layers.Subtract()([p, q])
    return keras.Model([a, b], [layers.Dense(2, name="out")(distance), layers.Flatten()(p)], name="twins")


def chain():
    return keras.Sequential([
        keras.Input((9, 8, 2)), layers.Conv2D(3, 3, dilation_rate=2, use_bias=False), layers.BatchNormalization(scale=False),
        layers.ReLU(negative_slope=0.1, threshold=0.2), layers.Flatten(), layers.Dense(4, activation="leaky_relu"), layers.Dense(3, activation="softmax"),
    ], name="chain")


save("branches", branches(), "keras", "h5", "weights")
save("twins", twins(), "keras", "h5")
save("chain", chain(), "keras", "h5", "json")

# Arrays in chunks, deflated, shuffled, checked, of other widths and orders: what h5py can do to weights.
with h5py.File(os.path.join(files, "chain.h5")) as plain, h5py.File(os.path.join(files, "chunked.h5"), "w") as file:
    source = plain["model_weights"]
    kinds = [
        dict(chunks=True, compression="gzip", shuffle=True, fletcher32=True),
        dict(dtype="<f8"), dict(dtype=">f4"), dict(dtype=">f8", chunks=(2,)),
        dict(chunks=(5, 3), compression="gzip", compression_opts=9),
        dict(chunks=(3,), shuffle=True), dict(chunks=(3, 2), fletcher32=True), dict(dtype="<f4"),
    ]
    names = [n for n in source.attrs["layer_names"]]
    number = 0
    for name in names:
        group = file.create_group(name)
        arrays = [n for n in source[name].attrs["weight_names"]]
        group.attrs["weight_names"] = np.array(arrays, dtype=h5py.string_dtype()) if arrays else []
        for array in arrays:
            group.create_dataset(array, data=source[name][array][()], **kinds[number % len(kinds)])
            number += 1
    # A list too long for one attribute comes in parts.
    file.attrs["layer_names0"] = [n.encode() for n in map(str, names[:2])]
    file.attrs["layer_names1"] = [n.encode() for n in map(str, names[2:])]

# HDF5 leaves much room: packed, the files are a fraction.
for name in sorted(os.listdir(files)):
    if not name.endswith(".gz"):
        path = os.path.join(files, name)
        with open(path, "rb") as file, open(path + ".gz", "wb") as target:
            target.write(gzip.compress(file.read(), 9, mtime=0))
        os.remove(path)

with open(os.path.join(folder, "models.json"), "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
