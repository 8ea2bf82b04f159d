"""Writes layers.json and summary-*.txt: what Keras 3 (on TensorFlow, in float64) says of its layers, losses and summaries.

Run where keras and tensorflow are installed: python make-layers.py [FOLDER]

A case names a Keras class with its configuration. Inputs, parameters and cotangents are drawn from a hash that the test
computes too, so only results are stored: the output, and the gradients of sum(output * cotangent) by every input and every
trainable parameter, as little-endian float32 in base64. All was computed in float64 and rounded once.
"""

import base64
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import tensorflow as tf
from keras import layers, losses

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))


def drawn(shape, seed, scale=1.0, shift=0.0, levels=0):
    """Numbers in [-1, 1): the upper 24 bits of a hash of place and seed (Murmur3's last mixing), times scale, plus shift.

    With levels, they are rounded down to multiples of 1 / levels first: ties for maxima.
    """
    n = int(np.prod(shape))
    h = np.arange(n, dtype=np.uint64) + np.uint64(seed * 0x9E3779B1)
    mask = np.uint64(0xFFFFFFFF)
    h &= mask
    for shift_by, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h ^= h >> np.uint64(shift_by)
        h = (h * np.uint64(factor)) & mask
    values = (h >> np.uint64(8)).astype(np.float64) / 2**23 - 1
    if levels:
        values = np.floor(values * levels) / levels
    return (values * scale + shift).astype(np.float32).astype(np.float64).reshape(shape)


def packed(values):
    return base64.b64encode(np.asarray(values, dtype="<f4").tobytes()).decode()


def listed(value):
    return [listed(v) for v in value] if isinstance(value, (tuple, list)) else value


cases = []


def dilated_transpose(layer, x, config):
    """TensorFlow has no such kernel on the CPU: what the layer means, the transpose of the convolution from output to input."""
    image = tf.zeros(layer.compute_output_shape(x.shape), x.dtype)
    with tf.GradientTape() as tape:
        tape.watch(image)
        ahead = tf.nn.convolution(image, layer.kernel.value, padding=layer.padding.upper(), dilations=config["dilation_rate"])
        product = tf.reduce_sum(ahead * x)
    return tape.gradient(product, image) + layer.bias.value


def case(kind, shapes, training=False, source=None, weights=None, adapt=None, **config):
    """One case. shapes: of the inputs, with the batch; source, weights, adapt: how inputs, parameters and data are drawn."""
    shapes = shapes if isinstance(shapes, list) else [shapes]
    seed = 10 * len(cases) + 1
    layer = getattr(layers, kind)(**config)
    drawings = [{"shape": list(shape), "seed": seed + i, **(source or {})} for i, shape in enumerate(shapes)]
    inputs = [tf.Variable(drawn(**d)) for d in drawings]
    given = inputs if len(inputs) > 1 else inputs[0]
    sizes = [tuple(x.shape) for x in inputs] if len(inputs) > 1 else tuple(inputs[0].shape)
    layer.build(sizes)
    if adapt is not None:
        layer.adapt(drawn(**adapt))
    parameters = []
    for i, weight in enumerate(layer.weights):
        if kind == "Normalization":
            continue
        drawing = {"shape": list(weight.shape), "seed": seed + 4 + i}
        if weight.name == "moving_variance":
            drawing.update(scale=0.5, shift=1.0)
        drawing.update((weights or {}).get(weight.name, {}))
        weight.assign(drawn(**drawing))
        parameters.append({"name": weight.name, **drawing})
    trainable = list(layer.trainable_weights)
    with tf.GradientTape() as tape:
        passed = {"training": training} if kind == "BatchNormalization" else {}
        if kind == "Conv2DTranspose" and config.get("dilation_rate", 1) != 1:
            output = dilated_transpose(layer, given, config)
        else:
            output = layer(given, **passed)
        cotangent = drawn(list(output.shape), seed + 9)
        loss = tf.reduce_sum(output * cotangent)
    found = tape.gradient(loss, inputs + [w.value for w in trainable])
    entry = {
        "layer": kind,
        "config": {name: listed(value) for name, value in config.items()},
        "inputs": drawings,
        "parameters": parameters,
        "outputShape": list(output.shape)[1:],
        "parameterCount": layer.count_params(),
        "cotangent": seed + 9,
        "output": packed(output),
        "gradients": [packed(g) for g in found[: len(inputs)]],
        "parameterGradients": {w.name: packed(g) for w, g in zip(trainable, found[len(inputs):])},
    }
    claimed = layer.compute_output_shape(sizes)
    assert tuple(claimed)[1:] == tuple(output.shape)[1:], (kind, config, claimed, output.shape)
    if training:
        entry["training"] = True
        entry["updates"] = {w.name: packed(w) for w in layer.non_trainable_weights if w.name.startswith("moving")}
    if adapt is not None:
        entry["adapt"] = adapt
    cases.append(entry)


keras.config.set_floatx("float64")

# Convolutions: kernels 1..5, rectangular ones, strides, dilations, groups, both paddings, odd and even sizes.
for shape, config in [
    ((2, 5, 6, 3), dict(filters=4, kernel_size=1)),
    ((1, 6, 5, 4), dict(filters=8, kernel_size=1, strides=2, use_bias=False)),
    ((1, 7, 8, 2), dict(filters=3, kernel_size=1, strides=2, padding="same")),
    ((1, 6, 7, 3), dict(filters=4, kernel_size=2)),
    ((1, 7, 6, 3), dict(filters=4, kernel_size=2, padding="same")),
    ((1, 7, 7, 2), dict(filters=5, kernel_size=2, strides=2, padding="same", activation="relu")),
    ((2, 6, 7, 3), dict(filters=4, kernel_size=3)),
    ((1, 7, 6, 1), dict(filters=4, kernel_size=3, padding="same", activation="tanh")),
    ((1, 8, 8, 8), dict(filters=8, kernel_size=3, padding="same")),
    ((1, 9, 10, 8), dict(filters=12, kernel_size=3, activation="relu")),
    ((1, 13, 11, 16), dict(filters=9, kernel_size=3, padding="same", use_bias=False)),
    ((1, 6, 6, 17), dict(filters=6, kernel_size=3)),
    # Enough channels for Winograd's algorithm, whole tiles and parts of some.
    ((1, 10, 11, 16), dict(filters=16, kernel_size=3, padding="same", activation="relu")),
    ((2, 6, 6, 16), dict(filters=20, kernel_size=3)),
    ((1, 8, 8, 32), dict(filters=16, kernel_size=3, padding="same")),
    ((1, 8, 8, 4), dict(filters=4, kernel_size=3, strides=2)),
    ((1, 8, 8, 4), dict(filters=4, kernel_size=3, strides=2, padding="same")),
    ((1, 9, 7, 3), dict(filters=4, kernel_size=3, strides=2, padding="same")),
    ((1, 9, 8, 3), dict(filters=2, kernel_size=3, strides=3, padding="same")),
    ((1, 8, 9, 3), dict(filters=4, kernel_size=3, strides=(2, 1), padding="same")),
    ((1, 8, 9, 3), dict(filters=4, kernel_size=3, strides=(1, 3))),
    ((1, 9, 8, 3), dict(filters=4, kernel_size=3, dilation_rate=2)),
    ((1, 9, 8, 3), dict(filters=4, kernel_size=3, dilation_rate=2, padding="same")),
    ((1, 8, 9, 2), dict(filters=3, kernel_size=3, dilation_rate=(3, 1), padding="same")),
    ((1, 9, 8, 2), dict(filters=3, kernel_size=2, dilation_rate=(1, 3))),
    ((1, 7, 8, 3), dict(filters=4, kernel_size=4)),
    ((1, 8, 7, 2), dict(filters=4, kernel_size=4, strides=2, padding="same")),
    ((1, 6, 7, 2), dict(filters=3, kernel_size=4, padding="same")),
    ((1, 8, 9, 3), dict(filters=4, kernel_size=5)),
    ((1, 9, 8, 2), dict(filters=3, kernel_size=5, padding="same", strides=2)),
    ((1, 4, 3, 2), dict(filters=3, kernel_size=5, padding="same")),
    ((1, 6, 9, 3), dict(filters=4, kernel_size=(3, 2), padding="same")),
    ((1, 6, 9, 3), dict(filters=4, kernel_size=(1, 5))),
    ((1, 7, 6, 3), dict(filters=4, kernel_size=(5, 1), strides=(2, 2), padding="same")),
    ((1, 6, 6, 4), dict(filters=6, kernel_size=3, groups=2)),
    ((1, 7, 6, 6), dict(filters=6, kernel_size=3, groups=3, padding="same", strides=2)),
    ((1, 5, 6, 4), dict(filters=8, kernel_size=3, groups=4, padding="same")),
    ((1, 6, 5, 4), dict(filters=4, kernel_size=1, groups=2)),
    ((1, 8, 8, 4), dict(filters=4, kernel_size=3, groups=2, dilation_rate=2)),
    ((1, 3, 3, 2), dict(filters=3, kernel_size=3)),
    ((3, 1, 1, 3), dict(filters=4, kernel_size=3, padding="same")),
]:
    case("Conv2D", shape, **config)

for shape, config in [
    ((1, 4, 5, 3), dict(filters=4, kernel_size=1)),
    ((1, 4, 5, 3), dict(filters=4, kernel_size=2, strides=2)),
    ((2, 3, 4, 2), dict(filters=3, kernel_size=3)),
    ((1, 4, 3, 2), dict(filters=3, kernel_size=3, padding="same")),
    ((1, 4, 3, 3), dict(filters=4, kernel_size=3, strides=2)),
    ((1, 4, 3, 3), dict(filters=4, kernel_size=3, strides=2, padding="same", activation="relu")),
    ((1, 3, 4, 2), dict(filters=3, kernel_size=4, strides=2, padding="same", use_bias=False)),
    ((1, 3, 4, 2), dict(filters=3, kernel_size=5, strides=3)),
    ((1, 3, 4, 2), dict(filters=3, kernel_size=5, strides=2, padding="same")),
    ((1, 3, 4, 2), dict(filters=3, kernel_size=2, strides=3)),
    ((1, 3, 4, 2), dict(filters=3, kernel_size=2, strides=3, padding="same")),
    ((1, 4, 3, 2), dict(filters=2, kernel_size=(3, 2), strides=(1, 2), padding="same")),
    ((1, 4, 3, 2), dict(filters=2, kernel_size=(2, 5), strides=(2, 3))),
    ((1, 4, 3, 3), dict(filters=2, kernel_size=3, strides=2, output_padding=0)),
    ((1, 4, 3, 3), dict(filters=2, kernel_size=3, strides=2, output_padding=1)),
    ((1, 4, 3, 3), dict(filters=2, kernel_size=3, strides=2, padding="same", output_padding=0)),
    ((1, 4, 3, 3), dict(filters=2, kernel_size=3, strides=2, padding="same", output_padding=1)),
    ((1, 4, 3, 2), dict(filters=2, kernel_size=4, strides=(3, 2), padding="same", output_padding=(2, 1))),
    ((1, 4, 5, 2), dict(filters=3, kernel_size=3, dilation_rate=2)),
    ((1, 4, 5, 2), dict(filters=3, kernel_size=3, dilation_rate=2, padding="same")),
    ((1, 6, 6, 8), dict(filters=8, kernel_size=3, strides=2, padding="same")),
]:
    case("Conv2DTranspose", shape, **config)

for shape, config in [
    ((2, 6, 5, 3), dict(kernel_size=3)),
    ((1, 6, 7, 4), dict(kernel_size=3, padding="same")),
    ((1, 7, 6, 3), dict(kernel_size=3, depth_multiplier=2, padding="same", activation="relu6")),
    ((1, 8, 8, 8), dict(kernel_size=3, strides=2, padding="same")),
    ((1, 9, 9, 5), dict(kernel_size=3, strides=2, use_bias=False)),
    ((1, 7, 6, 3), dict(kernel_size=2, padding="same")),
    ((1, 8, 7, 2), dict(kernel_size=5, padding="same", strides=2, depth_multiplier=3)),
    ((1, 8, 9, 3), dict(kernel_size=3, dilation_rate=2)),
    ((1, 8, 9, 3), dict(kernel_size=3, dilation_rate=2, padding="same")),
    ((1, 6, 7, 3), dict(kernel_size=(3, 2), padding="same")),
    ((1, 5, 6, 3), dict(kernel_size=1, depth_multiplier=2)),
    ((1, 7, 9, 20), dict(kernel_size=3)),
    ((1, 6, 9, 2), dict(kernel_size=4, padding="valid")),
]:
    case("DepthwiseConv2D", shape, **config)

for shape, config in [
    ((1, 6, 7, 3), dict(filters=4, kernel_size=3)),
    ((1, 7, 6, 3), dict(filters=4, kernel_size=3, padding="same", depth_multiplier=2, activation="relu")),
    ((1, 8, 8, 4), dict(filters=5, kernel_size=3, strides=2, padding="same", use_bias=False)),
    ((1, 9, 8, 2), dict(filters=3, kernel_size=3, dilation_rate=2, padding="same")),
    ((1, 6, 7, 2), dict(filters=3, kernel_size=(1, 4))),
]:
    case("SeparableConv2D", shape, **config)

for shape, config in [
    ((2, 6, 8, 3), dict()),
    ((1, 7, 5, 3), dict()),
    ((1, 7, 5, 3), dict(padding="same")),
    ((1, 7, 8, 3), dict(pool_size=3, strides=2)),
    ((1, 7, 8, 3), dict(pool_size=3, strides=2, padding="same")),
    ((1, 8, 8, 8), dict(pool_size=3, strides=1, padding="same")),
    ((1, 7, 9, 2), dict(pool_size=(2, 3), strides=(3, 1), padding="same")),
    ((1, 9, 7, 2), dict(pool_size=(3, 1))),
    ((1, 3, 3, 2), dict(pool_size=5, strides=1, padding="same")),  # 4x4 would meet a wrong gradient of TensorFlow 2.21's average
    ((1, 7, 7, 2), dict(pool_size=1, strides=3)),
]:
    for kind in ("MaxPooling2D", "AveragePooling2D"):
        # Keras' average pooling, unlike its other pooling, has no default size.
        case(kind, shape, **({"pool_size": 2} if kind == "AveragePooling2D" else {}) | config)
for config in (dict(), dict(pool_size=3, strides=2), dict(pool_size=3, strides=1, padding="same")):
    case("MaxPooling2D", (1, 7, 8, 2), source={"levels": 2}, **config)
for kind in ("GlobalAveragePooling2D", "GlobalMaxPooling2D"):
    case(kind, (2, 5, 7, 6))
    case(kind, (2, 4, 3, 5), keepdims=True)

for training in (False, True):
    case("BatchNormalization", (3, 4, 5, 3), training=training)
    case("BatchNormalization", (2, 3, 4, 8), training=training, momentum=0.9, epsilon=1e-5, center=False)
    case("BatchNormalization", (2, 3, 4, 2), training=training, scale=False, source={"shift": 3.0})
    case("BatchNormalization", (8, 5), training=training)
case("LayerNormalization", (2, 3, 4, 6))
case("LayerNormalization", (4, 9), epsilon=1e-5, center=False)
case("LayerNormalization", (2, 3, 4, 5), axis=[1, 2, 3])
case("LayerNormalization", (2, 3, 4, 5), scale=False, source={"shift": 2.0})
case("GroupNormalization", (2, 3, 4, 8), groups=4)
case("GroupNormalization", (2, 3, 4, 6), groups=1, epsilon=1e-5)
case("GroupNormalization", (2, 3, 4, 6), groups=-1)
case("GroupNormalization", (2, 5, 3, 32), groups=32, center=False)
case("GroupNormalization", (1, 4, 3, 6), groups=3, scale=False, source={"shift": 2.0})

case("Flatten", (2, 3, 4, 2))
case("Flatten", (3, 5))
case("Reshape", (2, 3, 4, 2), target_shape=(6, 4))
case("Reshape", (2, 3, 4, 2), target_shape=(2, -1, 3))
case("ZeroPadding2D", (1, 3, 4, 2))
case("ZeroPadding2D", (1, 3, 4, 2), padding=2)
case("ZeroPadding2D", (1, 3, 4, 2), padding=(2, 1))
case("ZeroPadding2D", (1, 3, 4, 2), padding=((0, 1), (2, 0)))
case("Cropping2D", (1, 6, 7, 2), cropping=1)
case("Cropping2D", (1, 6, 7, 2), cropping=(2, 1))
case("Cropping2D", (1, 6, 7, 2), cropping=((0, 1), (2, 3)))
case("UpSampling2D", (1, 3, 4, 2))
case("UpSampling2D", (1, 3, 4, 2), size=(3, 2))
case("UpSampling2D", (1, 3, 4, 2), interpolation="bilinear")
case("UpSampling2D", (2, 4, 3, 2), size=(2, 3), interpolation="bilinear")
case("UpSampling2D", (1, 5, 4, 1), size=4, interpolation="bilinear")

for name in ("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "softplus", "softmax"):
    case("Activation", (2, 3, 4, 5), activation=name, source={"scale": 8.0})
case("ReLU", (2, 3, 4, 5), source={"scale": 8.0})
case("ReLU", (2, 3, 4, 5), max_value=6.0, source={"scale": 8.0})
case("ReLU", (2, 3, 4, 5), negative_slope=0.25, source={"scale": 8.0})
case("ReLU", (2, 3, 4, 5), max_value=5.0, negative_slope=0.1, threshold=1.5, source={"scale": 8.0})
case("LeakyReLU", (2, 3, 4, 5), source={"scale": 8.0})
case("LeakyReLU", (2, 3, 4, 5), negative_slope=0.1, source={"scale": 8.0})
case("ELU", (2, 3, 4, 5), alpha=0.5, source={"scale": 8.0})
case("PReLU", (2, 3, 4, 5), source={"scale": 8.0})
case("PReLU", (2, 3, 4, 5), shared_axes=[1, 2], source={"scale": 8.0})
case("Softmax", (2, 3, 4), source={"scale": 8.0})
case("Softmax", (2, 3, 4), axis=1, source={"scale": 8.0})

for kind in ("Add", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
    case(kind, [(2, 3, 4, 2), (2, 3, 4, 2)])
    case(kind, [(1, 3, 4, 2)] * 3)
case("Subtract", [(2, 3, 4, 2), (2, 3, 4, 2)])
case("Concatenate", [(1, 3, 4, 2), (1, 3, 4, 5)])
case("Concatenate", [(1, 3, 4, 2), (1, 2, 4, 2)], axis=1)
case("Multiply", [(2, 3, 4, 5), (2, 1, 1, 5)])
case("Add", [(2, 3, 4, 5), (2, 3, 4, 1)])

case("Rescaling", (1, 3, 4, 3), scale=1 / 127.5, offset=-1.0, source={"scale": 128.0, "shift": 128.0})
case("Normalization", (1, 3, 4, 3), mean=[0.485, 0.456, 0.406], variance=[0.229**2, 0.224**2, 0.225**2])
case("Normalization", (2, 3, 4, 3), adapt={"shape": [5, 3, 4, 3], "seed": 77, "scale": 2.0, "shift": 1.0})
case("Dense", (4, 6), units=5)
case("Dense", (3, 17), units=9, activation="softmax")
case("Dense", (2, 3, 4, 5), units=3, use_bias=False)

# Losses. Targets are rows of probabilities, classes, or signs; predictions logits, or probabilities made of them.
scored = []
rows, classes = 6, 5


def loss(kind, prediction, target, axes=None, **config):
    value = tf.Variable(prediction)
    function = getattr(losses, kind)(**config)
    with tf.GradientTape() as tape:
        result = function(tf.constant(target), value)
    each = getattr(losses, kind)(reduction="none", **config)(tf.constant(target), value)
    scored.append({
        "loss": kind,
        "config": config,
        "prediction": {"shape": list(prediction.shape), "data": packed(prediction)},
        "target": {"shape": list(target.shape), "data": packed(target)},
        "value": float(result),
        "each": packed(each),
        "gradient": packed(tape.gradient(result, value)),
    })


def exactly(values):
    """As float32 holds them: predictions must be the same numbers in the test."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)


logits = drawn((rows, classes), 901, 4.0)
chances = exactly(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True))
labels = np.array([0, 4, 2, 2, 1, 3], dtype=np.float64)
one_hot = np.eye(classes)[labels.astype(int)]
soft = exactly((one_hot + 0.25) / (1 + 0.25 * classes))
yes = (drawn((rows, classes), 902) > 0).astype(np.float64)
single = exactly(1 / (1 + np.exp(-logits)))
signs = 2 * yes - 1

loss("SparseCategoricalCrossentropy", logits, labels, from_logits=True)
loss("SparseCategoricalCrossentropy", chances, labels)
loss("SparseCategoricalCrossentropy", drawn((2, 3, 4, 5), 903, 4.0), np.floor(drawn((2, 3, 4), 904, 2.5, 2.5)), from_logits=True)
loss("SparseCategoricalCrossentropy", logits * 64, labels, from_logits=True)
loss("CategoricalCrossentropy", logits, one_hot, from_logits=True)
loss("CategoricalCrossentropy", logits, soft, from_logits=True)
loss("CategoricalCrossentropy", logits, one_hot, from_logits=True, label_smoothing=0.1)
loss("CategoricalCrossentropy", chances, one_hot)
loss("CategoricalCrossentropy", chances, one_hot, label_smoothing=0.2)
loss("BinaryCrossentropy", logits, yes, from_logits=True)
loss("BinaryCrossentropy", logits, yes, from_logits=True, label_smoothing=0.1)
loss("BinaryCrossentropy", logits * 64, yes, from_logits=True)
loss("BinaryCrossentropy", single, yes)
loss("BinaryCrossentropy", single, yes, label_smoothing=0.2)
loss("KLDivergence", chances, soft)
loss("Hinge", drawn((rows, classes), 905, 2.0), signs)
loss("Hinge", drawn((rows, classes), 905, 2.0), yes)
loss("SquaredHinge", drawn((rows, classes), 905, 2.0), signs)
loss("CategoricalHinge", drawn((rows, classes), 906, 2.0), one_hot)
loss("LogCosh", logits, drawn((rows, classes), 907, 4.0))
loss("LogCosh", logits * 64, drawn((rows, classes), 907, 4.0))
loss("Huber", logits, drawn((rows, classes), 907, 4.0))
loss("Huber", logits, drawn((rows, classes), 907, 4.0), delta=2.5)
loss("MeanSquaredError", logits, drawn((rows, classes), 907, 4.0))
loss("MeanAbsoluteError", logits, drawn((rows, classes), 907, 4.0))
loss("Poisson", single, yes)
loss("CosineSimilarity", logits, drawn((rows, classes), 907, 4.0))

head = {"keras": keras.__version__, "tensorflow": tf.__version__}
with open(os.path.join(folder, "layers.json"), "w") as file:
    lines = [json.dumps(entry, separators=(",", ":")) for entry in cases]
    marks = [json.dumps(entry, separators=(",", ":")) for entry in scored]
    file.write('{"keras":"%s","tensorflow":"%s","layers":[\n' % (head["keras"], head["tensorflow"]))
    file.write(",\n".join(lines) + '\n],"losses":[\n' + ",\n".join(marks) + "\n]}\n")

# Summaries: the models of the test, name by name, in float32.
keras.config.set_floatx("float32")


def summary(file, make, columns=80, **options):
    """Keras fits its table to the terminal, 88 characters (108 with connections) at most: columns is that terminal's width."""
    keras.utils.clear_session()
    os.environ["COLUMNS"] = str(columns)
    text = []
    make().summary(print_fn=text.append, **options)
    with open(os.path.join(folder, f"summary-{file}.txt"), "w") as out:
        out.write("\n".join(text))


def example():
    return keras.Sequential([keras.Input((200, 200, 3)), layers.Conv2D(10, 5)])


def small():
    return keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, padding="same", use_bias=False, name="second"),
        layers.Activation("relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax", name="predictions_of_a_layer_with_a_rather_long_name"),
    ], name="small")


def residual():
    x = keras.Input((32, 32, 3), name="image")
    y = layers.Conv2D(16, 3, padding="same", name="stem")(x)
    z = layers.BatchNormalization(name="norm")(y)
    z = layers.ReLU(name="relu")(z)
    z = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(z)
    z = layers.Add(name="sum")([y, z])
    z = layers.Concatenate(name="both")([z, y])
    z = layers.GlobalAveragePooling2D(name="pool")(z)
    return keras.Model(x, layers.Dense(1000, name="logits")(z), name="residual")


def twins():
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    shared = layers.Dense(6, activation="relu", name="shared")
    a, b = shared(left), shared(right)
    both = layers.Concatenate(name="joined")([a, b])
    return keras.Model([left, right], [layers.Dense(3, name="kind")(both), layers.Dense(1, name="size")(both)], name="twins")


def nested():
    inner = keras.Sequential([keras.Input((14, 14, 4)), layers.Conv2D(6, 3, name="inner_conv"), layers.BatchNormalization(name="inner_norm")], name="body")
    x = keras.Input((28, 28, 1), name="picture")
    y = layers.Conv2D(4, 3, strides=2, padding="same", name="stem")(x)
    y = inner(y)
    return keras.Model(x, layers.Dense(2, name="out")(layers.Flatten(name="flat")(y)), name="outer")


def prepared():
    return keras.Sequential([
        keras.Input((8, 8, 3)),
        layers.Rescaling(1 / 255),
        layers.Normalization(),
        layers.Normalization(mean=[0.5, 0.4, 0.3], variance=[1.0, 2.0, 3.0]),
        layers.Conv2D(4, 3),
    ], name="prepared")


def frozen():
    model = small()
    model.layers[0].trainable = False
    return model


for name, make in (("example", example), ("small", small), ("residual", residual), ("twins", twins), ("nested", nested), ("prepared", prepared)):
    summary(name, make)
    summary(f"{name}-wide", make, columns=200)
summary("nested-expanded", nested, expand_nested=True)
summary("frozen", frozen, show_trainable=True)
summary("residual-130", residual, columns=200, line_length=130)
print(len(cases), "layers,", len(scored), "losses,", os.path.getsize(os.path.join(folder, "layers.json")), "bytes")
