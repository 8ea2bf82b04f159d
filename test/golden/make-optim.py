"""Writes optim.json: PyTorch's optimisers on a small problem with known gradients.

Run where PyTorch is installed: python make-optim.py > optim.json
Two parameters ([2, 3] and [4]); the gradient at step t is a fixed function of t and the parameter, so that both
sides see the same one: g = 0.5 p + sin(i + 1.7 t) with i the index in row-major order.
"""

import json
import torch

STEPS = 12
KEEP = [1, 2, 5, 12]


def start():
    return [
        torch.tensor([[0.5, -1.25, 2.0], [0.03125, -0.75, 1.5]], dtype=torch.float32),
        torch.tensor([3.0, -0.001953125, 0.25, -4.0], dtype=torch.float32),
    ]


def run(make):
    params = [p.clone().requires_grad_(True) for p in start()]
    optimizer = make(params)
    kept = {}
    for t in range(STEPS):
        for p in params:
            i = torch.arange(p.numel(), dtype=torch.float64)
            wave = torch.sin(i + 1.7 * t).reshape(p.shape).to(torch.float32)
            p.grad = p.detach() * 0.5 + wave
        optimizer.step()
        if t + 1 in KEEP:
            kept[str(t + 1)] = [p.detach().double().flatten().tolist() for p in params]
    return kept


def run_clipped(max_norm):
    params = [p.clone() for p in start()]
    for p in params:
        p.grad = p.clone()
    norm = torch.nn.utils.clip_grad_norm_(params, max_norm)
    return {"norm": norm.item(), "gradients": [p.grad.double().flatten().tolist() for p in params]}


optim = torch.optim
cases = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "sgd momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "sgd nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "sgd weight decay": lambda p: optim.SGD(p, lr=0.1, weight_decay=0.1),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adam betas": lambda p: optim.Adam(p, lr=0.05, betas=(0.8, 0.99), eps=1e-4),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "adamw decay": lambda p: optim.AdamW(p, lr=0.02, weight_decay=0.3),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
    "rmsprop alpha": lambda p: optim.RMSprop(p, lr=0.02, alpha=0.9, eps=1e-3),
    "rmsprop momentum": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.9),
    "rmsprop centered": lambda p: optim.RMSprop(p, lr=0.01, centered=True),
    "rmsprop centered momentum": lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
}
print(json.dumps({
    "torch": torch.__version__.split("+")[0],
    "start": [p.double().flatten().tolist() for p in start()],
    "cases": {name: run(make) for name, make in cases.items()},
    "clipped": {str(n): run_clipped(n) for n in (1.0, 100.0)},
}, indent=1))
