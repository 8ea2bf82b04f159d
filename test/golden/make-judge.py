"""Writes judge.json: what pytorch-grad-cam says of maps of a small network (imputation and ROAD without noise, drop and increase).

Run where torch and pytorch_grad_cam are installed: python make-judge.py [FOLDER]

Pictures, maps and weights are drawn from a hash that the test computes too (see make-layers.py), so only results are stored.
"""

import json
import os
import sys

import numpy as np
import torch
from pytorch_grad_cam.metrics import road
from pytorch_grad_cam.metrics.cam_mult_image import DropInConfidence, IncreaseInConfidence

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
# The noise is another generator's: without it.
road.NoisyLinearImputer.__init__.__defaults__ = (0.0, road.neighbors_weights)

ROWS, COLUMNS = 16, 20


def drawn(shape, seed, scale=1.0):
    n = int(np.prod(shape))
    mask = np.uint64(0xFFFFFFFF)
    h = (np.arange(n, dtype=np.uint64) + np.uint64(seed * 0x9E3779B1)) & mask
    for shift_by, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h ^= h >> np.uint64(shift_by)
        h = (h * np.uint64(factor)) & mask
    return ((h >> np.uint64(8)).astype(np.float64) / 2**23 - 1).reshape(shape) * scale


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.kernel = torch.tensor(drawn((3, 3, 3, 6), 1), dtype=torch.float32).permute(3, 2, 0, 1)
        self.weights = torch.tensor(drawn((6, 4), 2, 4.0), dtype=torch.float32)

    def forward(self, x):
        h = torch.relu(torch.nn.functional.conv2d(x, self.kernel, padding=1))
        return torch.softmax(h.mean((2, 3)) @ self.weights, 1)


network = Network()
cases = []
for seed in range(10, 16):
    image = torch.tensor(drawn((ROWS, COLUMNS, 3), seed), dtype=torch.float32).permute(2, 0, 1)[None]
    cam = drawn((ROWS, COLUMNS), 100 + seed)
    class_index = seed % 4
    targets = [lambda output: output[class_index]]
    # Half of the pixels are missing: those where the map is not negative.
    kept = torch.tensor(cam < 0, dtype=torch.float32)
    imputed = road.NoisyLinearImputer()(image[0], kept).permute(1, 2, 0)
    shown = ((cam - cam.min()) / (cam.max() - cam.min()))[None]
    single = cam[None].astype(np.float32)
    mult = torch.tensor(shown, dtype=torch.float32)
    change = lambda metric: float(metric()(image, mult.numpy(), targets, network)[0])
    cases.append(
        {
            "seed": seed,
            "classIndex": class_index,
            "probability": float(network(image)[0, class_index]),
            "imputed": [round(float(v), 6) for v in imputed.numpy().ravel()[::7]],
            "road": float(road.ROADCombined()(image, single, targets, network)[0]),
            "morf": float(road.ROADMostRelevantFirstAverage()(image, single, targets, network)[0]),
            "lerf": float(road.ROADLeastRelevantFirstAverage()(image, single, targets, network)[0]),
            "drop": change(DropInConfidence),
            "increase": change(IncreaseInConfidence),
        }
    )

with open(os.path.join(folder, "judge.json"), "w") as file:
    json.dump({"rows": ROWS, "columns": COLUMNS, "cases": cases}, file)
    file.write("\n")
