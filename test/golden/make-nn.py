"""Writes nn.json: PyTorch's activations, losses and a dense layer, in float64.

Run where PyTorch is installed: python make-nn.py > nn.json
"""

import json
import torch
import torch.nn.functional as F

x = torch.tensor([-30.0, -7.0, -2.5, -1.0, -0.3, -1e-3, 0.0, 1e-3, 0.4, 1.0, 2.5, 5.9, 6.5, 30.0], dtype=torch.float64)
functions = {
    "linear": lambda v: v * 1.0,
    "relu": F.relu,
    "relu6": F.relu6,
    "leakyRelu": lambda v: F.leaky_relu(v, 0.2),
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "geluTanh": lambda v: F.gelu(v, approximate="tanh"),
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "softmax": lambda v: F.softmax(v, -1),
    "logSoftmax": lambda v: F.log_softmax(v, -1),
    "softsign": F.softsign,
    "mish": F.mish,
    # Of exact parts: hardsigmoid and hardswish multiply gradients by a sixth in float32, and hardtanh has none at its ends.
    "hardSigmoid": lambda v: F.relu6(v + 3) / 6,
    "hardSilu": lambda v: v * F.relu6(v + 3) / 6,
    "hardTanh": lambda v: v.clamp(-1, 1),
}


def both(function):
    v = x.clone().requires_grad_(True)
    y = function(v)
    (gradient,) = torch.autograd.grad((y * torch.cos(torch.arange(len(x), dtype=torch.float64))).sum(), v)
    return {"value": y.tolist(), "gradient": gradient.tolist()}


prediction = torch.tensor([0.5, -1.5, 3.0, 0.25, -4.0, 1.0], dtype=torch.float64)
target = torch.tensor([0.0, -1.0, 0.5, 0.25, 2.0, 2.0], dtype=torch.float64)
losses = {
    "meanSquaredError": F.mse_loss(prediction, target).item(),
    "meanAbsoluteError": F.l1_loss(prediction, target).item(),
    "huber": F.huber_loss(prediction, target).item(),
    "huber2.5": F.huber_loss(prediction, target, delta=2.5).item(),
}
print(json.dumps({
    "torch": torch.__version__.split("+")[0],
    "x": x.tolist(),
    "activations": {name: both(function) for name, function in functions.items()},
    "prediction": prediction.tolist(),
    "target": target.tolist(),
    "losses": losses,
}, indent=1))
