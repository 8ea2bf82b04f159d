"""Peer of workload F: one training step of the ODE-Net for MNIST and of its residual twin, in PyTorch + torchdiffeq.

The architecture is that of torchdiffeq's example odenet_mnist (Chen et al. 2018, section 3): three downsampling convolutions
with 64 filters to 6x6, then either an ODE block of two convolutions that see the time as a further channel, each between
group normalisations (dopri5, rtol = atol = 1e-3, adjoint gradient), or six residual blocks; then group normalisation, relu,
global average and a dense layer. A step = forward + softmax cross-entropy + gradient + SGD with momentum 0.9, batch 128.

usage: python torch_cnn.py [THREADS] [--steps N] [--only odenet|resnet]
Needs torch and torchdiffeq. Prints a JSON line a workload; of the two memory formats the faster one is named in it.
"""

import argparse
import json
import os
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("threads", type=int, nargs="?", default=1)
arguments.add_argument("--steps", type=int, default=12)
arguments.add_argument("--batch", type=int, default=128)
arguments.add_argument("--only", choices=["odenet", "resnet"])
options = arguments.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)

import torch
import torch.nn.functional as F
from torch import nn
from torchdiffeq import odeint_adjoint

torch.set_num_threads(options.threads)
CHANNELS = 64
TOLERANCE = 1e-3


def norm():
    return nn.GroupNorm(min(32, CHANNELS), CHANNELS)


class TimedConv(nn.Module):
    """A 3x3 convolution that sees the time as one more channel."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS + 1, CHANNELS, 3, padding=1)

    def forward(self, t, x):
        return self.conv(torch.cat([torch.ones_like(x[:, :1]) * t, x], 1))


class Dynamics(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = norm(), norm(), norm()
        self.conv1, self.conv2 = TimedConv(), TimedConv()
        self.evaluations = 0

    def forward(self, t, x):
        self.evaluations += 1
        x = self.conv1(t, F.relu(self.norm1(x)))
        return self.norm3(self.conv2(t, F.relu(self.norm2(x))))


class OdeBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.dynamics = Dynamics()
        self.times = torch.tensor([0.0, 1.0])

    def forward(self, x):
        return odeint_adjoint(self.dynamics, x, self.times, rtol=TOLERANCE, atol=TOLERANCE, method="dopri5")[1]


class ResidualBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = norm(), norm()
        self.conv1 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(y)))


def network(kind):
    down = [
        nn.Conv2d(1, CHANNELS, 3), norm(), nn.ReLU(),
        nn.Conv2d(CHANNELS, CHANNELS, 4, stride=2, padding=1), norm(), nn.ReLU(),
        nn.Conv2d(CHANNELS, CHANNELS, 4, stride=2, padding=1),
    ]
    body = [OdeBlock()] if kind == "odenet" else [ResidualBlock() for _ in range(6)]
    head = [norm(), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 10)]
    return nn.Sequential(*down, *body, *head)


def measure(kind, memory_format):
    torch.manual_seed(0)
    model = network(kind).to(memory_format=memory_format)
    x = torch.rand(options.batch, 1, 28, 28).contiguous(memory_format=memory_format)
    labels = torch.randint(0, 10, (options.batch,))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    dynamics = model[7].dynamics if kind == "odenet" else None
    times, first, evaluations = [], None, []
    for step in range(options.steps + 2):
        if dynamics is not None:
            dynamics.evaluations = 0
        start = time.perf_counter()
        optimiser.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        forward = dynamics.evaluations if dynamics is not None else 0
        loss.backward()
        optimiser.step()
        elapsed = time.perf_counter() - start
        if first is None:
            first = loss.item()
        if step >= 2:
            times.append(elapsed * 1e3)
            if dynamics is not None:
                evaluations.append((forward, dynamics.evaluations - forward))
    times.sort()
    n = len(times)
    line = dict(median_ms=round(times[n // 2], 3), p10_ms=round(times[n // 10], 3), p90_ms=round(times[9 * n // 10], 3), n=n, loss0=first)
    if evaluations:
        ahead, back = zip(*evaluations)
        line.update(nfe_fwd=sorted(ahead)[n // 2], nfe_bwd=sorted(back)[n // 2], parameters=sum(p.numel() for p in model.parameters()))
    return line


for kind in ("odenet", "resnet"):
    if options.only not in (None, kind):
        continue
    lines = {name: measure(kind, layout) for name, layout in (("contiguous", torch.contiguous_format), ("channels_last", torch.channels_last))}
    best = min(lines, key=lambda name: lines[name]["median_ms"])
    other = next(name for name in lines if name != best)
    print(json.dumps(dict(
        engine="torch-" + torch.__version__, threads=options.threads, workload=f"F.{kind}_step", **lines[best],
        memory_format=best, **{f"{other}_ms": lines[other]["median_ms"]},
    )), flush=True)
