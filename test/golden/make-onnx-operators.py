"""Writes onnx-operators.json: small ONNX models, one for each operator and way of using it, and what onnxruntime makes of them.

Run where onnx and onnxruntime are installed: python make-onnx-operators.py > onnx-operators.json
Inputs are not in the file: element i of the input of index k is ((7919 i + 101 k) mod 1009) / 1009 * 4 - 2, in float32, or twice
as far from 0 where a case says "scale".
"""

import base64
import json

import numpy as np
import onnx
import onnx.reference
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(7)
cases = []


def weights(*shape, low=-1.0, high=1.0):
    return rng.uniform(low, high, shape).astype(np.float32)


def fed(shape, k, scale=1.0):
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    return (((7919 * i + 101 * k) % 1009) / 1009 * 4 - 2).astype(np.float32).reshape(shape) * np.float32(scale)


def graph(name, nodes, inputs, constants, outputs, opset, kind=TensorProto.FLOAT, dynamic=False):
    made = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(n, kind, ["N"] + list(s[1:]) if dynamic else s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, kind, None) for n in outputs],
        [numpy_helper.from_array(a, n) for n, a in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], producer_name="")
    model.ir_version = 8 if opset < 19 else 10
    return model


def record(name, model, inputs, tolerance=None, reference=False, scale=1.0, batch=None):
    """A model, which may be of any batch: then outputs are those of a batch of 2."""
    feeds = {n: fed(s, k, scale) for k, (n, s) in enumerate(inputs.items())}
    kinds = {i.name: i.type.tensor_type.elem_type for i in model.graph.input}
    cast = {TensorProto.DOUBLE: np.float64, TensorProto.FLOAT16: np.float16}
    feeds = {n: a.astype(cast.get(kinds[n], np.float32)) for n, a in feeds.items()}
    if reference:
        found = onnx.reference.ReferenceEvaluator(model).run(None, feeds)
    else:
        options = ort.SessionOptions()
        options.log_severity_level = 3
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        found = session.run(None, feeds)
    case = {
        "name": name,
        "model": base64.b64encode(model.SerializeToString()).decode(),
        "inputs": [list(s) for s in inputs.values()],
        "outputs": [
            {"shape": list(a.shape), "data": base64.b64encode(a.astype(np.float32).tobytes()).decode()} for a in found
        ],
    }
    if tolerance:
        case["tolerance"] = tolerance
    if scale != 1.0:
        case["scale"] = scale
    cases.append(case)


def op(kind, shape, opset=17, constants=(), label="", outputs=1, order=None, reference=False, tolerance=None, scale=1.0, name=None, **attributes):
    """A node of its own. `constants` come after the input, which is "x"; None is an input left out."""
    shapes = {"x": list(shape)} if isinstance(shape, (tuple, list)) and not isinstance(shape[0], (tuple, list)) else {
        f"x{k}": list(s) for k, s in enumerate(shape)
    }
    given = {f"c{k}": np.asarray(c) for k, c in enumerate(constants) if c is not None}
    inputs = list(shapes) + [f"c{k}" if c is not None else "" for k, c in enumerate(constants)]
    if order:
        inputs = order
    names = [f"y{k}" for k in range(outputs)]
    node = helper.make_node(kind, inputs, names, name=name or "it", **attributes)
    model = graph("g", [node], shapes, given, names, opset)
    text = ", ".join(f"{k}={v}" for k, v in attributes.items())
    record(f"{kind}-{opset} {label}{' ' if label and text else ''}{text}", model, shapes, tolerance, reference, scale)


i64 = lambda *v: np.array(v, np.int64)
f32 = lambda *v: np.array(v, np.float32)
images = [2, 4, 7, 6]
small = [2, 4, 3, 2]

# Convolutions
k3 = weights(6, 4, 3, 3)
b6 = weights(6)
op("Conv", images, 7, [k3, b6], "bias")
op("Conv", images, 11, [k3], pads=[1, 1, 1, 1])
op("Conv", images, 11, [k3, b6], strides=[2, 2], pads=[1, 1, 1, 1])
op("Conv", images, 13, [k3, b6], strides=[2, 3], pads=[0, 1, 2, 1], kernel_shape=[3, 3])
op("Conv", images, 13, [k3], dilations=[2, 2], pads=[2, 2, 2, 2])
op("Conv", images, 13, [k3], dilations=[2, 1], strides=[2, 2], pads=[2, 1, 2, 1])
op("Conv", images, 17, [k3], auto_pad="SAME_UPPER", strides=[2, 2])
op("Conv", images, 17, [k3], auto_pad="SAME_LOWER", strides=[2, 2])
op("Conv", images, 22, [k3], auto_pad="VALID")
op("Conv", images, 17, [weights(6, 2, 3, 3), b6], "groups", group=2)
op("Conv", images, 17, [weights(4, 1, 3, 3), weights(4)], "depthwise", group=4, pads=[1, 1, 1, 1])
op("Conv", images, 17, [weights(8, 1, 3, 2)], "depthwise twice", group=4, strides=[2, 2])
op("Conv", images, 17, [weights(5, 4, 1, 1)], "pointwise")
t3 = weights(4, 3, 3, 3)
op("ConvTranspose", images, 7, [t3, weights(3)], "bias")
op("ConvTranspose", images, 11, [t3], strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
op("ConvTranspose", images, 13, [t3], strides=[2, 3], pads=[0, 1, 1, 0])
op("ConvTranspose", images, 13, [t3], strides=[3, 3], auto_pad="SAME_UPPER")
op("ConvTranspose", images, 13, [t3], strides=[2, 2], auto_pad="SAME_LOWER")
op("ConvTranspose", images, 13, [t3], strides=[2, 2], output_shape=[14, 13])
op("ConvTranspose", images, 22, [t3], dilations=[2, 2])
op("ConvTranspose", images, 17, [weights(4, 3, 2, 2), weights(6)], "groups", group=2, strides=[2, 2])

# Products
op("Gemm", [3, 5], 7, [weights(5, 4), weights(4)])
op("Gemm", [3, 5], 9, [weights(4, 5), weights(1, 4)], transB=1, alpha=0.5, beta=2.0)
op("Gemm", [3, 5], 11, [weights(5, 4)])
op("Gemm", [3, 5], 13, [weights(5, 4), weights()], "scalar C")
op("MatMul", [3, 5], 9, [weights(5, 4)])
op("MatMul", [2, 3, 5], 13, [weights(5, 4)], "rank 3")
op("MatMul", [2, 3, 4, 5], 13, [weights(5, 6)], "rank 4")

# Arithmetic
channel = weights(4, 1, 1, low=0.5, high=1.5)
for kind in ["Add", "Sub", "Mul", "Div"]:
    op(kind, small, 7, [channel], "a channel each")
    op(kind, small, 13, [f32(1.5)], "a number", order=["c0", "x"], scale=1.01)
    op(kind, [small, small], 14, [], "two values")
    op(kind, [small, [2, 4, 1, 1]], 14, [], "broadcast")
op("Add", small, 13, [weights(2)], "a column each")
op("Add", small, 13, [weights(4, 3, 2)], "a number for each element")
op("Mul", [3, 5], 13, [weights(5)], "features")
op("Mul", [3, 5], 13, [weights(1, 5)], "features, rank 2")
op("Pow", small, 13, [f32(2.0)])
op("Pow", small, 15, [f32(3.0)])
for kind in ["Sum", "Mean", "Max", "Min"]:
    op(kind, [small, small, small], 8 if kind in ("Max", "Min") else 13)
op("Sum", small, 13, [channel, weights(1)], "constants")
op("Max", small, 13, [f32(0.25)], "constant")
op("Min", [small], 13, label="one")

# Activations
for kind in ["Relu", "LeakyRelu", "Elu", "Selu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Softsign", "Erf", "Exp", "Abs", "Neg", "Identity"]:
    op(kind, small, 14, scale=2.0 if kind in ("HardSwish", "Selu", "Softplus") else 1.0)
for kind in ["Relu", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh", "Exp"]:
    op(kind, [2, 5], 7)
op("LeakyRelu", small, 16, alpha=0.25)
op("Elu", small, 22, alpha=0.5)
op("Selu", small, 6 + 1, alpha=1.5, gamma=0.75)
op("HardSigmoid", small, 6 + 1, alpha=0.3, beta=0.4)
op("HardSigmoid", small, 14, alpha=1 / 6, beta=0.5, scale=2.0)
op("ThresholdedRelu", small, 10, alpha=0.5)
op("Gelu", small, 20)
op("Gelu", small, 20, approximate="tanh")
op("Mish", small, 18, reference=False)
op("PRelu", small, 7, [weights(4, 1, 1)])
op("PRelu", small, 9, [weights(1)], "one")
op("PRelu", small, 16, [weights(4, 3, 2)], "each")
op("PRelu", [3, 5], 16, [weights(5)], "features")
op("Clip", small, 7, min=-0.5, max=0.75)
op("Clip", small, 6 + 1, min=0.0, max=6.0, scale=4.0)
op("Clip", small, 11, [f32(-0.5).reshape(()), f32(0.75).reshape(())])
op("Clip", small, 13, [None, f32(0.75).reshape(())], "no min")
op("Clip", small, 13, [f32(0).reshape(())], "no max")
op("Softmax", [3, 5], 7)
op("Softmax", small, 7)
op("Softmax", small, 11, axis=2)
op("Softmax", small, 13, axis=1)
op("Softmax", small, 13)
op("LogSoftmax", [3, 5], 11)
op("LogSoftmax", small, 13, axis=1)
op("LogSoftmax", small, 9)
op("Dropout", small, 7, ratio=0.25)
op("Dropout", small, 12, [f32(0.25).reshape(())])

# Pooling
op("MaxPool", images, 7, kernel_shape=[2, 2])
op("MaxPool", images, 8, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
op("MaxPool", images, 10, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
op("MaxPool", images, 12, kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 0, 1], ceil_mode=1)
op("MaxPool", images, 12, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
op("MaxPool", images, 22, kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_LOWER")
op("AveragePool", images, 7, kernel_shape=[2, 3])
op("AveragePool", images, 7, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
op("AveragePool", images, 7, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
op("AveragePool", images, 11, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
op("AveragePool", images, 19, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
op("AveragePool", images, 19, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 0, 1], count_include_pad=1, ceil_mode=1)
op("AveragePool", images, 17, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
op("AveragePool", images, 17, kernel_shape=[2, 2], auto_pad="SAME_LOWER")
op("GlobalAveragePool", images, 7)
op("GlobalMaxPool", images, 22)
op("ReduceMean", images, 7, axes=[2, 3])
op("ReduceMean", images, 13, axes=[-1, -2], keepdims=0)
op("ReduceMean", images, 18, [i64(2, 3)])
op("ReduceMean", images, 18, [i64(1)], keepdims=0)
op("ReduceMean", images, 13, axes=[3])
op("ReduceSum", images, 13, [i64(2, 3)])
op("ReduceSum", images, 11, axes=[1])
op("ReduceMax", images, 13, axes=[2, 3], keepdims=0)
op("ReduceMin", [2, 3, 5], 18, [i64(-1)])

# Normalisation
for opset in [7, 9, 15]:
    op("BatchNormalization", images, opset, [weights(4), weights(4), weights(4), weights(4, low=0.2, high=1)], epsilon=1e-3)
op("BatchNormalization", [3, 5], 14, [weights(5), weights(5), weights(5), weights(5, low=0.2, high=1)], "features")
op("InstanceNormalization", images, 7, [weights(4), weights(4)])
op("InstanceNormalization", [2, 3, 8], 22, [weights(3), weights(3)], "rank 3", epsilon=1e-3)
op("GroupNormalization", images, 18, [weights(2), weights(2)], num_groups=2, reference=True)
op("GroupNormalization", images, 21, [weights(4), weights(4)], num_groups=2, reference=True)
op("LayerNormalization", images, 17, [weights(6), weights(6)])
op("LayerNormalization", images, 17, [weights(4, 7, 6)], axis=1)
op("LayerNormalization", [3, 5], 17, [weights(5), weights(5)], axis=-1, epsilon=1e-3)
op("LRN", images, 7, size=3)
op("LRN", images, 13, size=5, alpha=0.5, beta=0.6, bias=2.0)

# Shapes
op("Flatten", images, 7)
op("Flatten", [2, 1, 5], 13, axis=1)
op("Reshape", images, 7, [i64(0, -1)])
op("Reshape", images, 13, [i64(2, 2, 2, 7, 6)])
op("Reshape", images, 13, [i64(0, 0, 42)])
op("Reshape", images, 14, [i64(2, 7, 4, 6)])
op("Reshape", [2, 24], 14, [i64(-1, 2, 3, 4)])
op("Transpose", images, 7, perm=[0, 2, 3, 1])
op("Transpose", images, 13, perm=[0, 3, 1, 2])
op("Transpose", [2, 3, 4], 21, perm=[0, 2, 1])
op("Squeeze", [2, 3, 1, 1], 7, axes=[2, 3])
op("Squeeze", [2, 3, 1, 1], 13, [i64(-1)])
op("Unsqueeze", [2, 3], 11, axes=[2, 3])
op("Unsqueeze", [2, 3, 4], 13, [i64(1)])
op("Concat", [images, [2, 3, 7, 6]], 7, axis=1)
op("Concat", [images, images], 13, axis=-1)
op("Split", images, 7, outputs=2, axis=1)
op("Split", images, 11, outputs=2, axis=1, split=[1, 3])
op("Split", images, 13, [i64(2, 5)], outputs=2, axis=2)
op("Split", images, 18, outputs=3, axis=2, num_outputs=3)
op("Slice", images, 7, starts=[1, 0], ends=[3, 9223372036854775807], axes=[1, 3])
op("Slice", images, 10, [i64(1), i64(-1), i64(2)])
op("Slice", images, 13, [i64(0, 1), i64(9223372036854775807, 6), i64(2, 3), i64(3, 2)], "steps")
op("Pad", images, 7, pads=[0, 0, 1, 2, 0, 0, 0, 1])
op("Pad", images, 11, [i64(0, 1, 0, 0, 0, 2, 0, 0), f32(0.5).reshape(())], "channels")
op("Pad", images, 13, [i64(0, 0, -1, 1, 0, 0, 1, -2)], "negative")
op("Pad", images, 18, [i64(1, 2, 0, 1), None, i64(2, 3)], "axes")
op("Gather", images, 13, [np.array(1, np.int64)], axis=1)
op("Upsample", [1, 2, 3, 4], 7, scales=[1.0, 1.0, 2.0, 3.0], reference=False)
op("Upsample", [1, 2, 3, 4], 9, [f32(1, 1, 2, 2)], mode="nearest")
op("Resize", [1, 2, 3, 4], 10, [f32(1, 1, 2, 2)])
op("Resize", [1, 2, 3, 4], 11, [f32(), f32(1, 1, 2, 2)], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
op("Resize", [1, 2, 3, 4], 13, [None, None, i64(1, 2, 6, 12)], mode="nearest")
op("Resize", [1, 2, 3, 4], 13, [None, f32(1, 1, 2, 3)], mode="linear")
op("Resize", [1, 2, 3, 4], 19, [None, None, i64(6, 8)], mode="linear", coordinate_transformation_mode="pytorch_half_pixel", axes=[2, 3])

# Several nodes
def chain(label, nodes, shapes, constants, opset=17, outputs=("y",), **more):
    model = graph("g", [helper.make_node(k, i, o, name=n, **a) for k, i, o, n, a in nodes], shapes, constants, outputs, opset, **more)
    record(label, model, shapes)


chain(
    "flattened images into a product",
    [("Relu", ["x"], ["a"], "", {}), ("Flatten", ["a"], ["b"], "flat", {}), ("BatchNormalization", ["b", "s", "t", "m", "v"], ["c"], "", {}), ("Add", ["c", "k"], ["d"], "", {}), ("Gemm", ["d", "w", "z"], ["y"], "fc", {"transB": 1})],
    {"x": [2, 3, 4, 5]},
    {"s": weights(60), "t": weights(60), "m": weights(60), "v": weights(60, low=0.5, high=1), "k": weights(60), "w": weights(4, 60), "z": weights(4)},
)
chain(
    "flattened images as the output",
    [("Sigmoid", ["x"], ["a"], "", {}), ("Flatten", ["a"], ["y"], "flat", {})],
    {"x": [2, 3, 2, 4]},
    {},
)
chain(
    "channel shuffle",
    [("Reshape", ["x", "s"], ["a"], "", {}), ("Transpose", ["a"], ["b"], "", {"perm": [0, 2, 1, 3, 4]}), ("Reshape", ["b", "t"], ["c"], "", {}), ("Conv", ["c", "w"], ["y"], "", {})],
    {"x": [2, 6, 3, 4]},
    {"s": i64(0, 2, 3, 3, 4), "t": i64(0, 6, 3, 4), "w": weights(2, 6, 1, 1)},
)
chain(
    "squeeze and excitation",
    [("GlobalAveragePool", ["x"], ["a"], "", {}), ("Conv", ["a", "w"], ["b"], "", {}), ("Relu", ["b"], ["c"], "", {}), ("Conv", ["c", "v"], ["d"], "", {}), ("Sigmoid", ["d"], ["e"], "", {}), ("Mul", ["x", "e"], ["y"], "", {})],
    {"x": [2, 4, 5, 3]},
    {"w": weights(2, 4, 1, 1), "v": weights(4, 2, 1, 1)},
)
chain(
    "a shape found while running",
    [("Shape", ["x"], ["a"], "", {}), ("Gather", ["a", "zero"], ["b"], "", {"axis": 0}), ("Unsqueeze", ["b", "axis"], ["c"], "", {}), ("Concat", ["c", "rest"], ["d"], "", {"axis": 0}), ("Reshape", ["x", "d"], ["e"], "", {}), ("MatMul", ["e", "w"], ["y"], "", {})],
    {"x": [2, 3, 2, 4]},
    {"zero": np.array(0, np.int64), "axis": i64(0), "rest": i64(-1), "w": weights(24, 3)},
    dynamic=True,
)
chain(
    "gelu of its parts",
    [("Div", ["x", "r"], ["a"], "", {}), ("Erf", ["a"], ["b"], "", {}), ("Add", ["b", "one"], ["c"], "", {}), ("Mul", ["x", "c"], ["d"], "", {}), ("Mul", ["d", "half"], ["y"], "", {})],
    {"x": [2, 5]},
    {"r": f32(2**0.5), "one": f32(1), "half": f32(0.5)},
)
chain(
    "swish of its parts",
    [("Sigmoid", ["x"], ["a"], "", {}), ("Mul", ["x", "a"], ["y"], "", {})],
    {"x": images},
    {},
)
chain(
    "constants folded",
    [("Constant", [], ["a"], "", {"value_ints": [2]}), ("Shape", ["w"], ["b"], "", {}), ("Slice", ["b", "zero", "a"], ["c"], "", {}), ("Transpose", ["w"], ["d"], "", {"perm": [1, 0]}), ("Mul", ["d", "k"], ["e"], "", {}), ("Cast", ["a"], ["f"], "", {"to": TensorProto.FLOAT}), ("Div", ["e", "f"], ["h"], "", {}), ("ConstantOfShape", ["c"], ["i"], "", {"value": helper.make_tensor("v", TensorProto.FLOAT, [1], [0.5])}), ("Transpose", ["i"], ["j"], "", {}), ("Add", ["h", "j"], ["l"], "", {}), ("MatMul", ["x", "l"], ["y"], "", {})],
    {"x": [3, 5]},
    {"w": weights(4, 5), "zero": i64(0), "k": weights(4)},
)
chain(
    "images whose channels come last",
    [("Transpose", ["x"], ["a"], "", {"perm": [0, 3, 1, 2]}), ("Conv", ["a", "w"], ["b"], "", {"pads": [1, 1, 1, 1]}), ("Transpose", ["b"], ["c"], "", {"perm": [0, 2, 3, 1]}), ("Add", ["c", "k"], ["y"], "", {})],
    {"x": [2, 7, 6, 4]},
    {"w": k3, "k": weights(6)},
)
chain(
    "two inputs, two outputs",
    [("Conv", ["p", "w"], ["a"], "", {}), ("Conv", ["q", "w"], ["b"], "", {}), ("Sub", ["a", "b"], ["y"], "", {}), ("ReduceMean", ["a"], ["z"], "", {"axes": [1, 2, 3], "keepdims": 0})],
    {"p": images, "q": images},
    {"w": weights(2, 4, 2, 2)},
    outputs=("y", "z"),
)
chain(
    "group normalisation as PyTorch writes it",
    [("Reshape", ["x", "s"], ["a"], "", {}), ("InstanceNormalization", ["a", "one", "zero"], ["b"], "", {}), ("Shape", ["x"], ["c"], "", {}), ("Reshape", ["b", "c"], ["d"], "", {}), ("Mul", ["d", "g"], ["e"], "", {}), ("Add", ["e", "h"], ["y"], "", {})],
    {"x": [2, 4, 3, 3]},
    {"s": i64(0, 2, -1), "one": f32(1, 1), "zero": f32(0, 0), "g": weights(4, 1, 1), "h": weights(4, 1, 1)},
)
chain(
    "layer normalisation of its parts, channels last in between (ConvNeXt)",
    [("Transpose", ["x"], ["a"], "", {"perm": [0, 2, 3, 1]}), ("LayerNormalization", ["a", "g", "h"], ["b"], "", {"axis": -1}), ("MatMul", ["b", "w"], ["c"], "", {}), ("Transpose", ["c"], ["d"], "", {"perm": [0, 3, 1, 2]}), ("Mul", ["d", "k"], ["e"], "", {}), ("Add", ["e", "x"], ["y"], "", {})],
    {"x": [2, 4, 3, 3]},
    {"g": weights(4), "h": weights(4), "w": weights(4, 4), "k": weights(4, 1, 1)},
)

chain(
    "roots and logarithms",
    [("Abs", ["x"], ["a"], "", {}), ("Add", ["a", "one"], ["b"], "", {}), ("Sqrt", ["b"], ["c"], "", {}), ("Log", ["b"], ["d"], "", {}), ("Reciprocal", ["b"], ["e"], "", {}), ("Sum", ["c", "d", "e"], ["y"], "", {})],
    {"x": [2, 5]},
    {"one": f32(1)},
)
chain(
    "ranges, sizes and expanded constants",
    [("Size", ["x"], ["a"], "", {}), ("Range", ["zero", "a", "two"], ["b"], "", {}), ("Cast", ["b"], ["c"], "", {"to": TensorProto.FLOAT}), ("Expand", ["k", "five"], ["d"], "", {}), ("Add", ["c", "d"], ["e"], "", {}), ("Mul", ["x", "e"], ["f"], "", {}), ("Shape", ["x"], ["g"], "", {}), ("Expand", ["f", "g"], ["y"], "", {})],
    {"x": [1, 5]},
    {"zero": np.array(0, np.int64), "two": np.array(1, np.int64), "k": f32(0.5), "five": i64(5)},
)

# Types
double = graph("g", [helper.make_node("Gemm", ["x", "w"], ["y"])], {"x": [2, 5]}, {"w": weights(5, 3).astype(np.float64)}, ["y"], 13, TensorProto.DOUBLE)
record("float64", double, {"x": [2, 5]})
half = graph("g", [helper.make_node("Mul", ["x", "w"], ["y"])], {"x": [2, 5]}, {"w": weights(5).astype(np.float16)}, ["y"], 13, TensorProto.FLOAT16)
record("float16", half, {"x": [2, 5]}, tolerance=2e-3)
typed = helper.make_model(
    helper.make_graph(
        [helper.make_node("Reshape", ["v", "s"], ["w"]), helper.make_node("Cast", ["h"], ["z"], to=1), helper.make_node("Gemm", ["x", "w", "z"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 1, [2, 3])],
        [helper.make_tensor_value_info("y", 1, [2, 2])],
        [
            helper.make_tensor("v", TensorProto.FLOAT, [6], weights(6)),
            helper.make_tensor("s", TensorProto.INT64, [2], [3, -1]),
            helper.make_tensor("h", TensorProto.FLOAT16, [2], np.float16([0.25, -1.5])),
        ],
    ),
    opset_imports=[helper.make_opsetid("", 13)],
)
typed.ir_version = 8
record("elements in typed fields", typed, {"x": [2, 3]})

print(json.dumps({"onnx": onnx.__version__, "onnxruntime": ort.__version__, "cases": cases}, separators=(",", ":")))
