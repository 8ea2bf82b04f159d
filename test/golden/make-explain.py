"""Golden values of explanations: pytorch-grad-cam and Captum on a small CNN, written to explain.json.

The network's weights and the image follow from a formula that the test repeats. Maps are taken before pytorch-grad-cam's ReLU,
scaling and enlarging, unless the key says merged or fullGrad, for which only the scaled map exists.

Needs torch, captum, grad-cam and its dependencies; pytorch_grad_cam imports torchvision for functions that are not used here, so an
empty package of that name will do.
"""

import base64
import json
import pathlib

import numpy as np
import torch
from captum.attr import GuidedBackprop, GuidedGradCam, InputXGradient, IntegratedGradients, Occlusion, Saliency
from pytorch_grad_cam import (
    AblationCAM,
    EigenCAM,
    EigenGradCAM,
    FullGrad,
    GradCAM,
    GradCAMPlusPlus,
    HiResCAM,
    LayerCAM,
    ScoreCAM,
    XGradCAM,
)
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def fill(shape, seed, scale=1.0, shift=0.0):
    """Numbers drawn from the hash that the test computes too (make-layers.py: `drawn`)."""
    n = int(np.prod(shape))
    mask = np.uint64(0xFFFFFFFF)
    h = (np.arange(n, dtype=np.uint64) + np.uint64(seed * 0x9E3779B1)) & mask
    for shift_by, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h ^= h >> np.uint64(shift_by)
        h = (h * np.uint64(factor)) & mask
    values = (h >> np.uint64(8)).astype(np.float64) / 2**23 - 1
    return torch.tensor((values * scale + shift).astype(np.float32).astype(np.float64).reshape(shape))


class Net(torch.nn.Module):
    """conv - batch norm - relu - pool - conv - relu - conv - relu - flatten (channels last) - dense."""

    def __init__(self):
        super().__init__()
        self.first = self.conv(3, 6, 1)
        self.norm = torch.nn.BatchNorm2d(6, eps=1e-3)
        self.norm.weight.data = fill([6], 11, 0.5, 1)
        self.norm.bias.data = fill([6], 12, 0.5)
        self.norm.running_mean.data = fill([6], 13, 0.5)
        self.norm.running_var.data = fill([6], 14, 0.5, 1)
        self.relu1 = torch.nn.ReLU()
        self.pool = torch.nn.MaxPool2d(2)
        self.second = self.conv(6, 8, 2)
        self.relu2 = torch.nn.ReLU()
        self.third = self.conv(8, 8, 3)
        self.relu3 = torch.nn.ReLU()
        self.dense = torch.nn.Linear(8 * 8 * 8, 5)
        self.dense.weight.data = fill([512, 5], 21, 0.1).T.contiguous()
        self.dense.bias.data = fill([5], 22, 0.5)

    @staticmethod
    def conv(inputs, outputs, seed):
        layer = torch.nn.Conv2d(inputs, outputs, 3, padding=1)
        layer.weight.data = fill([3, 3, inputs, outputs], seed, 0.4).permute(3, 2, 0, 1).contiguous()
        layer.bias.data = fill([outputs], seed + 30, 0.3)
        return layer

    def forward(self, x):
        x = self.pool(self.relu1(self.norm(self.first(x))))
        x = self.relu2(self.second(x))
        x = self.relu3(self.third(x))
        return self.dense(x.permute(0, 2, 3, 1).flatten(1))


net = Net().eval()
image = fill([16, 16, 3], 99, 2.0).permute(2, 0, 1)[None].contiguous()
logits = net(image)[0]
top = int(logits.argmax())
second = int(logits.argsort()[-2])


def packed(array):
    """Little-endian float32 in base64."""
    return base64.b64encode(np.asarray(array, dtype="<f4").tobytes()).decode()


def raw(kind, layer, target, eigen_smooth=False):
    """A CAM before the ReLU."""
    with kind(net, [layer]) as cam:
        cam.activations_and_grads(image)
        targets = [ClassifierOutputTarget(target)]
        outputs = cam.activations_and_grads(image)
        net.zero_grad()
        sum(t(o) for t, o in zip(targets, outputs)).backward()
        activations = cam.activations_and_grads.activations[0].numpy()
        gradients = cam.activations_and_grads.gradients[0].numpy()
        found = cam.get_cam_image(image, layer, targets, activations, gradients, eigen_smooth)
    return packed(np.asarray(found)[0])


cams = {
    "gradCam": GradCAM,
    "gradCamPlusPlus": GradCAMPlusPlus,
    "hiResCam": HiResCAM,
    "layerCam": LayerCAM,
    "xGradCam": XGradCAM,
    "eigenCam": EigenCAM,
    "eigenGradCam": EigenGradCAM,
    "scoreCam": ScoreCAM,
    "ablationCam": AblationCAM,
}

golden = {"logits": packed(logits.detach()), "classes": [top, second], "maps": {}}
maps = golden["maps"]
for name, kind in cams.items():
    for place, layer in {"relu2": net.relu2, "relu3": net.relu3}.items():
        for target in [top, second] if name in ("gradCam", "hiResCam", "layerCam") else [top]:
            maps[f"{name} {place} {target}"] = raw(kind, layer, target)
for name in ("gradCam", "layerCam"):
    maps[f"{name} relu3 {top} eigenSmooth"] = raw(cams[name], net.relu3, top, eigen_smooth=True)
with GradCAM(net, [net.relu2, net.relu3]) as cam:
    maps[f"gradCam merged {top}"] = packed(cam(image, [ClassifierOutputTarget(top)])[0])
with FullGrad(net, []) as cam:
    maps[f"fullGrad {top}"] = packed(cam(image, [ClassifierOutputTarget(top)])[0])


def pixels(attributions):
    """[1, C, H, W] as [H, W, C]."""
    return packed(attributions.detach()[0].permute(1, 2, 0))


maps[f"saliency {top}"] = pixels(Saliency(net).attribute(image, top, abs=False))
maps[f"inputXGradient {top}"] = pixels(InputXGradient(net).attribute(image, top))
maps[f"guidedBackprop {top}"] = pixels(GuidedBackprop(net).attribute(image, top))
maps[f"guidedGradCam {top}"] = pixels(
    GuidedGradCam(net, net.relu2).attribute(image, top, interpolate_mode="bilinear")
)
maps[f"integratedGradients {top}"] = pixels(IntegratedGradients(net).attribute(image, target=top, n_steps=20))
maps[f"occlusion {top}"] = packed(
    Occlusion(net).attribute(image, (3, 5, 5), (3, 3, 3), target=top)[0, 0].detach()
)

path = pathlib.Path(__file__).with_name("explain.json")
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, top, second, logits.tolist())
