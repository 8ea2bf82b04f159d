"""Writes losses.json: the losses' values and gradients in float64, PyTorch's where it has them, else Keras' formulas.

Run where PyTorch is installed: python make-losses.py > losses.json
"""

import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
logits = torch.randn(6, 4, dtype=torch.float64) * 3
labels = torch.tensor([0, 3, 1, 2, 2, 0])
soft = torch.softmax(torch.randn(6, 4, dtype=torch.float64), -1)
probabilities = torch.softmax(torch.randn(6, 4, dtype=torch.float64), -1)
zeros_and_ones = (torch.randn(6, 4) > 0).to(torch.float64)
numbers = torch.randn(6, 4, dtype=torch.float64) * 2
positive = torch.rand(6, 4, dtype=torch.float64) * 5 + 0.1
eps = 1e-7
onehot = F.one_hot(labels, 4).to(torch.float64)


def crammer(p, t):
    return torch.clamp((p * (1 - t)).amax(-1) - (p * t).sum(-1) + 1, min=0).mean()


cases = {
    "crossEntropy labels": (logits, labels, lambda p, t: F.cross_entropy(p, t)),
    "crossEntropy smoothed labels": (logits, labels, lambda p, t: F.cross_entropy(p, t, label_smoothing=0.1)),
    "crossEntropy shares": (logits, soft, lambda p, t: F.cross_entropy(p, t)),
    "crossEntropy smoothed shares": (logits, soft, lambda p, t: F.cross_entropy(p, t, label_smoothing=0.1)),
    "crossEntropy of probabilities": (probabilities, labels, lambda p, t: F.nll_loss((p / p.sum(-1, keepdim=True)).clamp(eps, 1 - eps).log(), t)),
    "binaryCrossEntropy": (logits, zeros_and_ones, F.binary_cross_entropy_with_logits),
    "binaryCrossEntropy smoothed": (logits, zeros_and_ones, lambda p, t: F.binary_cross_entropy_with_logits(p, t * 0.8 + 0.1)),
    "binaryCrossEntropy of probabilities": (probabilities, zeros_and_ones, F.binary_cross_entropy),
    "kullbackLeibler": (probabilities, soft, lambda p, t: F.kl_div(p.log(), t, reduction="batchmean")),
    "hinge": (logits, zeros_and_ones, lambda p, t: torch.clamp(1 - (2 * t - 1) * p, min=0).mean()),
    "squaredHinge": (logits, zeros_and_ones, lambda p, t: torch.clamp(1 - (2 * t - 1) * p, min=0).square().mean()),
    "categoricalHinge": (logits, onehot, crammer),
    "logCosh": (logits, numbers, lambda p, t: torch.log(torch.cosh(p - t)).mean()),
    "cosineSimilarity": (logits, numbers, lambda p, t: -F.cosine_similarity(p, t, dim=-1).mean()),
    "meanAbsolutePercentageError": (logits, numbers, lambda p, t: 100 * ((p - t) / t.abs().clamp(min=eps)).abs().mean()),
    "meanSquaredLogarithmicError": (positive, positive.flip(0), lambda p, t: (torch.log1p(p) - torch.log1p(t)).square().mean()),
    "poisson": (positive, positive.flip(0), lambda p, t: (p - t * torch.log(p + eps)).mean()),
}


def record(prediction, target, loss):
    p = prediction.clone().requires_grad_(True)
    value = loss(p, target)
    (gradient,) = torch.autograd.grad(value, p)
    return {"prediction": prediction.tolist(), "target": target.tolist(), "value": value.item(), "gradient": gradient.tolist()}


print(json.dumps({"torch": torch.__version__.split("+")[0], "cases": {name: record(*case) for name, case in cases.items()}}))
