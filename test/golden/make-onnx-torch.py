"""Writes onnx-torch.json: networks like torchvision's, as PyTorch exports them, and what onnxruntime makes of them.

Run where torch, onnx and onnxruntime are installed: python make-onnx-torch.py > onnx-torch.json
With a folder, the networks are of full width and go there as files, each beside NAME.json with the logits of the input that the
tests make: python make-onnx-torch.py FOLDER. Weights are multiples of 1/64 in the small ones, which packs them well.
"""

import base64
import io
import json
import sys
import warnings
import zlib

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn

warnings.filterwarnings("ignore")
folder = sys.argv[1] if len(sys.argv) > 1 else None
full = folder is not None
size = 224 if full else 32


def vgg(width):
    layers, channels = [], 3
    for block in [(64, 1), (128, 1), (256, 2), (512, 2), (512, 2)]:
        for _ in range(block[1]):
            out = max(2, int(block[0] * width))
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
            channels = out
        layers.append(nn.MaxPool2d(2, 2))
    hidden = 4096 if full else 24
    pooled = 7 if full else 1
    # Adaptive pooling from 1x1 would vanish: the small network keeps 2x2 by leaving the last pooling out.
    if not full:
        layers.pop()
        pooled = 2
    return nn.Sequential(
        nn.Sequential(*layers),
        nn.AdaptiveAvgPool2d((pooled, pooled)),
        nn.Flatten(1),
        nn.Sequential(
            nn.Linear(channels * pooled * pooled, hidden),
            nn.ReLU(True),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(True),
            nn.Dropout(),
            nn.Linear(hidden, 1000 if full else 10),
        ),
    )


class Bottleneck(nn.Module):
    def __init__(self, channels, width, stride, groups=1):
        super().__init__()
        out = 4 * width
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            if stride > 1 or channels != out
            else None
        )

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, width, blocks):
        super().__init__()
        stem = int(64 * width)
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 7, 2, 3, bias=False), nn.BatchNorm2d(stem), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)
        )
        layers, channels = [], stem
        for stage, count in enumerate(blocks):
            for index in range(count):
                inner = int(64 * width) * 2**stage
                layers.append(Bottleneck(channels, inner, 2 if index == 0 and stage > 0 else 1, groups=1 if full or stage else 2))
                channels = 4 * inner
        self.layers = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels, 1000 if full else 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.avgpool(self.layers(self.stem(x))), 1))


class InvertedResidual(nn.Module):
    def __init__(self, channels, out, stride, ratio, squeeze=False, swish=False):
        super().__init__()
        hidden = channels * ratio
        act = nn.Hardswish if swish else nn.ReLU6
        parts = [nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), act(inplace=True)] if ratio > 1 else []
        parts += [nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), act(inplace=True)]
        if squeeze:
            parts.append(SqueezeExcitation(hidden))
        parts += [nn.Conv2d(hidden, out, 1, bias=False), nn.BatchNorm2d(out)]
        self.conv = nn.Sequential(*parts)
        self.adds = stride == 1 and channels == out

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


class SqueezeExcitation(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, max(2, channels // 4), 1)
        self.fc2 = nn.Conv2d(max(2, channels // 4), channels, 1)

    def forward(self, x):
        return x * nn.functional.hardsigmoid(self.fc2(nn.functional.relu(self.fc1(self.pool(x)))))


class MobileNet(nn.Module):
    def __init__(self, width, settings, v3=False):
        super().__init__()
        stem = int(32 * width)
        act = nn.Hardswish() if v3 else nn.ReLU6()
        layers, channels = [nn.Conv2d(3, stem, 3, 2, 1, bias=False), nn.BatchNorm2d(stem), act], stem
        for ratio, out, count, stride in settings:
            for index in range(count):
                c = max(2, int(out * width))
                layers.append(InvertedResidual(channels, c, stride if index == 0 else 1, ratio, v3, v3))
                channels = c
        last = 1280 if full else 16
        layers += [nn.Conv2d(channels, last, 1, bias=False), nn.BatchNorm2d(last), act]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, 1000 if full else 10))

    def forward(self, x):
        y = nn.functional.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(y.reshape(y.shape[0], -1))


v2 = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
small = [(1, 16, 1, 1), (3, 24, 2, 2), (3, 32, 1, 2)]
width = 1 if full else 1 / 16
networks = {
    "vgg": lambda: vgg(width),
    "resnet": lambda: ResNet(width, [3, 4, 6, 3] if full else [1, 1, 2]),
    "mobilenet-v2": lambda: MobileNet(1 if full else 0.25, v2 if full else small),
    "mobilenet-v3": lambda: MobileNet(1 if full else 0.25, v2 if full else small, v3=True),
}
if not full:
    # Its derivatives are compared with finite differences.
    networks["resnet-float64"] = lambda: ResNet(width, [1, 1]).double()
opsets = {"resnet-float64": 13, "vgg": 11, "resnet": 13, "mobilenet-v2": 17, "mobilenet-v3": 18}


def fed(shape):
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    return ((7919 * i % 1009) / 1009 * 4 - 2).astype(np.float32).reshape(shape)


found = []
for name, make in networks.items():
    torch.manual_seed(3)
    network = make().eval()
    with torch.no_grad():
        for key, tensor in network.state_dict().items():
            if key.endswith("running_mean"):
                tensor.uniform_(-0.2, 0.2)
            elif key.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            if not full and tensor.is_floating_point():
                tensor.copy_((tensor * 64).round() / 64)
    wide = name.endswith("float64")
    shape = [2, 3, 16 if wide else size, 16 if wide else size]
    x = fed(shape).astype(np.float64 if wide else np.float32)
    file = io.BytesIO() if not full else f"{folder}/{name}.onnx"
    torch.onnx.export(
        network,
        torch.from_numpy(x),
        file,
        dynamo=False,
        opset_version=opsets[name],
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
        # Batch normalisation stays a node in two of them; folded into convolutions, as by default, in the others.
        do_constant_folding=name in ("vgg", "mobilenet-v3"),
        training=torch.onnx.TrainingMode.EVAL if name in ("vgg", "mobilenet-v3") else torch.onnx.TrainingMode.PRESERVE,
    )
    data = file if full else file.getvalue()
    expected = network(torch.from_numpy(x)).detach().numpy()
    if wide:
        logits = expected  # onnxruntime has no convolution of float64
    else:
        logits = ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"image": x})[0]
    assert np.abs(logits - expected).max() < 1e-3 * np.abs(logits).max()
    entry = {"name": name, "input": shape, "logits": logits.tolist()}
    if full:
        with open(f"{folder}/{name}.json", "w") as out:
            json.dump(entry, out)
    else:
        entry["model"] = base64.b64encode(zlib.compress(data, 9)).decode()
        found.append(entry)
if not full:
    print(json.dumps({"torch": torch.__version__.split("+")[0], "onnxruntime": ort.__version__, "networks": found}, separators=(",", ":")))
