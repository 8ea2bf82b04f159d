"""Writes architectures.json: what Keras 3 (on TensorFlow) makes of its networks by name.

Run where keras and tensorflow are installed: python make-architectures.py [FOLDER]

For each network with some options: the number of parameters, the sha256 of the summary (names, types, shapes, counts and
connections of all layers), and outputs for weights and images drawn from a hash that the test computes too. They are computed
in float64 and rounded to float32 once. With a folder in SUMMARIES, the summaries themselves go there. SqueezeNet, which Keras does not have, is written here after its paper.
"""

import base64
import hashlib
import json
import os
import re
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["KERAS_BACKEND"] = "tensorflow"
# The width of the terminal, to which Keras fits its tables: enough for the widest.
os.environ["COLUMNS"] = "200"
import keras
import numpy as np
from keras import applications, layers

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))


def drawn(shape, seed):
    """Numbers in [-1, 1): the upper 24 bits of a hash of place and seed (Murmur3's last mixing). As in make-layers.py."""
    mask = np.uint64(0xFFFFFFFF)
    h = (np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(seed * 0x9E3779B1)) & mask
    for shift_by, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h ^= h >> np.uint64(shift_by)
        h = (h * np.uint64(factor)) & mask
    return ((h >> np.uint64(8)).astype(np.float64) / 2**23 - 1).reshape(shape)


def seeded(shape, name, seed):
    """Weights of a size at which signals neither die nor explode; variances are positive."""
    values = drawn(shape, seed)
    if len(shape) > 1:
        fan_in = np.prod(shape[:2]) if name == "depthwise_kernel" or shape[-1] == 1 and len(shape) == 4 else np.prod(shape[:-1])
        values = values * np.sqrt(6 / fan_in)
    elif name in ("gamma", "moving_variance", "variance"):
        values = values * 0.5 + 1
    elif name == "count":
        return np.zeros(shape)
    else:
        values = values * 0.1
    return values.astype(np.float32).astype(np.float64)


def squeezenet(input_shape=(224, 224, 3), classes=1000, classifier_activation="softmax", include_top=True, weights=None, **_):
    def conv(x, filters, size, name, **options):
        return layers.Conv2D(filters, size, activation="relu", name=name, **options)(x)

    def fire(x, number, squeezed, expanded):
        x = conv(x, squeezed, 1, f"fire{number}_squeeze1x1", padding="same")
        parts = [conv(x, expanded, size, f"fire{number}_expand{size}x{size}", padding="same") for size in (1, 3)]
        return layers.Concatenate(name=f"fire{number}_concat")(parts)

    images = x = layers.Input(input_shape)
    x = conv(x, 64, 3, "conv1", strides=2)
    for number, squeezed in ((2, 16), (3, 16), (4, 32), (5, 32), (6, 48), (7, 48), (8, 64), (9, 64)):
        if number in (2, 4, 6):
            x = layers.MaxPooling2D(3, strides=2, name=f"pool{number - 1}")(x)
        x = fire(x, number, squeezed, 4 * squeezed)
    if include_top:
        x = layers.Dropout(0.5, name="drop9")(x)
        x = conv(x, classes, 1, "conv10")
        x = layers.GlobalAveragePooling2D(name="pool10")(x)
        x = layers.Activation(classifier_activation or "linear", name="predictions")(x)
    return keras.Model(images, x, name="squeezenet")


makers = {
    "vgg16": applications.VGG16,
    "vgg19": applications.VGG19,
    "resnet50": applications.ResNet50,
    "mobilenet": applications.MobileNet,
    "mobilenetV2": applications.MobileNetV2,
    "densenet121": applications.DenseNet121,
    "inceptionV3": applications.InceptionV3,
    "efficientnetB0": applications.EfficientNetB0,
    "squeezenet": squeezenet,
}


def built(name, options):
    keras.backend.clear_session()
    return makers[name](weights=None, **options)


def looked_at(name, **options):
    """Counts and the summary of a network that does not run."""
    keras.config.set_floatx("float32")
    model = built(name, options)
    lines = []
    model.summary(print_fn=lines.append)
    # Without sizes in bytes: Keras on TensorFlow keeps the count of a Normalization in 8.
    text = re.sub(r" \([\d.]+ \w+\)$", "", "\n".join(lines).strip(), flags=re.MULTILINE)
    if "SUMMARIES" in os.environ:
        with open(os.path.join(os.environ["SUMMARIES"], f"{len(summaries)}-{name}.txt"), "w") as out:
            out.write(text)
    summaries.append(
        {
            "name": name,
            "options": options,
            "layers": len(model.layers),
            "parameters": model.count_params(),
            "summary": hashlib.sha256(text.encode()).hexdigest(),
        }
    )


def run(name, **options):
    """Outputs of a network in float64 for seeded weights, a batch of two."""
    keras.config.set_floatx("float64")
    model = built(name, options)
    weights = [w for layer in model.layers for w in layer.weights]
    for seed, weight in enumerate(weights):
        weight.assign(seeded(weight.shape, weight.name, seed + 1))
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            # What it computes with are copies of its weights.
            layer.finalize_state()
    images = drawn((2, *options["input_shape"]), 1000)
    if name == "efficientnetB0":
        images = images * 127.5 + 127.5
    images = images.astype(np.float32).astype(np.float64)
    outputs = np.asarray(model(images, training=False))
    flat = outputs.reshape(-1)
    # Some dozens of all of them, spread evenly.
    taken = flat[:: max(1, flat.size // 48)]
    print(name, options, outputs.shape, float(np.abs(flat).max()), float(flat.std()), flush=True)
    outputs_of.append(
        {
            "name": name,
            "options": options,
            "shape": list(outputs.shape),
            "step": max(1, flat.size // 48),
            "largest": float(np.abs(flat).max()),
            "outputs": base64.b64encode(taken.astype("<f4").tobytes()).decode(),
        }
    )


summaries, outputs_of = [], []

for name in makers:
    looked_at(name)
for name in ("vgg19", "resnet50", "mobilenet", "inceptionV3"):
    looked_at(name, input_shape=[96, 128, 3], include_top=False, pooling="max")
for alpha in (0.25, 0.5, 0.75):
    looked_at("mobilenet", alpha=alpha)
for alpha in (0.35, 0.5, 0.75, 1.3, 1.4):
    looked_at("mobilenetV2", alpha=alpha)
looked_at("mobilenetV2", input_shape=[161, 96, 3], include_top=False)
looked_at("efficientnetB0", input_shape=[161, 96, 1], classes=7)
looked_at("densenet121", include_top=False, input_shape=[64, 48, 3])

logits = {"classes": 10, "classifier_activation": None}
run("vgg16", input_shape=[32, 32, 3], classes=10)
run("vgg19", input_shape=[48, 32, 3], **logits)
run("resnet50", input_shape=[64, 48, 3], **logits)
run("mobilenet", input_shape=[64, 64, 3], alpha=0.25, **logits)
run("mobilenet", input_shape=[47, 64, 3], include_top=False, pooling="avg")
run("mobilenetV2", input_shape=[65, 48, 3], alpha=0.5, **logits)
run("densenet121", input_shape=[64, 48, 3], **logits)
run("inceptionV3", input_shape=[107, 96, 3], **logits)
run("efficientnetB0", input_shape=[65, 48, 3], **logits)
run("squeezenet", input_shape=[64, 48, 3], **logits)
run("vgg19", input_shape=[40, 32, 1], include_top=False)
run("efficientnetB0", input_shape=[64, 64, 3], include_top=False, pooling="max")

with open(os.path.join(folder, "architectures.json"), "w") as file:
    file.write("{\n\"summaries\": [\n")
    file.write(",\n".join(json.dumps(entry) for entry in summaries))
    file.write("\n],\n\"runs\": [\n")
    file.write(",\n".join(json.dumps(entry) for entry in outputs_of))
    file.write("\n]\n}\n")
