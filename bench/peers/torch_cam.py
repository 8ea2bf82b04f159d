"""Peer of workload I: the same explanations by pytorch-grad-cam on PyTorch.

VGG19 as torchvision has it (random weights, channels last), Grad-CAM at the ReLU of its last convolution; forward alone; and
from a decoded picture of 640 x 480 to the picture under its map, resized and prepared as pytorch-grad-cam's examples do.

usage: python torch_cam.py [THREADS]
Needs torch, numpy, opencv-python and grad-cam (which imports torchvision). Prints a JSON line a workload.
"""

import json
import os
import sys
import time

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
os.environ["OMP_NUM_THREADS"] = str(threads)

import cv2
import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import show_cam_on_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

torch.set_num_threads(threads)
torch.manual_seed(0)


class Vgg19(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [], 3
        for count, filters in [(2, 64), (2, 128), (4, 256), (4, 512), (4, 512)]:
            for _ in range(count):
                layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
                channels = filters
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)
        )

    def forward(self, x):
        return self.head(self.features(x))


def emit(workload, work, samples=11):
    for _ in range(2):
        work()
    times = []
    for _ in range(samples):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1e3)
    times.sort()
    n = len(times)
    line = dict(engine=f"torch-{torch.__version__}", threads=threads, workload=workload, median_ms=times[n // 2])
    print(json.dumps({**line, "p10_ms": times[n // 10], "p90_ms": times[9 * n // 10], "n": n}), flush=True)


network = Vgg19().eval().to(memory_format=torch.channels_last)
rows, columns = np.mgrid[0:480, 0:640]
photo = np.stack([127 + 120 * np.sin(columns * (c + 1) / 40 + rows / (30 + 9 * c)) for c in range(3)], -1).astype(np.uint8)
mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def prepared(small):
    x = torch.from_numpy(((small / np.float32(255) - mean) / deviation).transpose(2, 0, 1)[None].copy())
    return x.to(memory_format=torch.channels_last)


image = prepared(cv2.resize(photo, (224, 224)))
with torch.no_grad():
    emit("I.vgg19_fwd", lambda: network(image))
targets = [ClassifierOutputTarget(281)]
with GradCAM(model=network, target_layers=[network.features[35]]) as cam:
    emit("I.vgg19_gradcam", lambda: cam(input_tensor=image, targets=targets))

    def explain():
        small = cv2.resize(photo, (224, 224))
        map = cam(input_tensor=prepared(small), targets=targets)[0]
        show_cam_on_image(small / np.float32(255), map, use_rgb=True)

    emit("I.vgg19_explain", explain)
