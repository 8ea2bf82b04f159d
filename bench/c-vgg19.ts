// Workload C: VGG19 (Simonyan and Zisserman 2014) at 1x224x224x3 with random weights: forward; forward and gradient of
// the top logit at block5_conv4, which is Grad-CAM's work; the same at block1_conv2.

import { type Tensor, grad, jit, random } from "adjoint";
import * as nn from "adjoint/nn";
import { type Measurement, sample, summarise } from "./measure.ts";

/** Convolutions and filters of each block. */
const blocks = [
  [2, 64],
  [2, 128],
  [4, 256],
  [4, 512],
  [4, 512],
] as const;

/** The network's layers in order, as Keras names them; scores instead of the softmax. */
function vgg19(): readonly nn.Layer[] {
  const layers: nn.Layer[] = [];
  blocks.forEach(([count, filters], index) => {
    for (let i = 1; i <= count; i++)
      layers.push(
        nn.conv2d({
          filters,
          kernelSize: 3,
          padding: "same",
          activation: "relu",
          kernelInitializer: "heNormal",
          name: `block${index + 1}_conv${i}`,
        }),
      );
    layers.push(nn.maxPool2d({ name: `block${index + 1}_pool` }));
  });
  layers.push(
    nn.flatten(),
    nn.dense({ units: 4096, activation: "relu", name: "fc1" }),
    nn.dense({ units: 4096, activation: "relu", name: "fc2" }),
    nn.dense({ units: 1000, name: "predictions" }),
  );
  nn.sequential(layers, { inputShape: [224, 224, 3] });
  return layers;
}

export function* run(): Iterable<Measurement> {
  const layers = vgg19();
  const through = (x: Tensor, from: number, to: number): Tensor =>
    layers.slice(from, to).reduce((value, layer) => layer.forward(value), x);
  const gradientAt = (name: string): ((x: Tensor) => Tensor) => {
    const cut = layers.findIndex((layer) => layer.name === name) + 1;
    return (x) => grad((map: Tensor) => through(map, cut, layers.length).max())(through(x, 0, cut));
  };
  const x = random.normal(random.key(0), [1, 224, 224, 3]);
  const programs = {
    "C.vgg19_fwd": (image: Tensor) => through(image, 0, layers.length),
    "C.vgg19_gradcam_b5c4": gradientAt("block5_conv4"),
    "C.vgg19_grad_b1c2": gradientAt("block1_conv2"),
  };
  for (const [workload, program] of Object.entries(programs)) {
    const compiled = jit(program);
    const begun = performance.now();
    compiled(x);
    const first = performance.now() - begun;
    const times = sample(() => void compiled(x), { samples: 11, warmup: 2 });
    yield summarise(workload, times, { first_call_ms: first, ...peak() });
  }
}

/** The most memory that the process has had so far, in MB (10^6 bytes); Node counts it in KiB. */
function peak(): { peak_mb: number } {
  return { peak_mb: (process.resourceUsage().maxRSS * 1024) / 1e6 };
}
