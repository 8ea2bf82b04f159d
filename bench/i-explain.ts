// Workload I: explanations. Grad-CAM at the last convolution beside the forward pass alone (of VGG19 and MobileNet, random
// weights), and a VGG19 explanation from a decoded picture of 640 x 480 to the picture under its map.

import { type Tensor, jit } from "adjoint";
import { gradCam, overlay } from "adjoint/explain";
import { type Picture, mobilenet, preprocess, resize, vgg19 } from "adjoint/models";
import { type Measurement, sample, summarise } from "./measure.ts";

/** A picture of waves. */
function waves(width: number, height: number): Picture {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / (3 * width)), i % 3];
    return 127 + 120 * Math.sin((x * (c + 1)) / 40 + y / (30 + 9 * c));
  });
  return { width, height, data };
}

/** In turns, so that their ratio does not depend on what else the machine does. */
function* beside(
  works: Readonly<Record<string, () => void>>,
  samples: number,
): Iterable<Measurement> {
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, [] as number[]]));
  for (const work of Object.values(works)) for (let i = 0; i < 2; i++) work();
  for (let i = 0; i < samples; i++)
    for (const [name, work] of Object.entries(works))
      times[name]!.push(...sample(work, { samples: 1, warmup: 0 }));
  for (const [name, list] of Object.entries(times)) yield summarise(name, list);
}

export function* run(): Iterable<Measurement> {
  const photo = waves(640, 480);
  for (const [name, network, layer, mode] of [
    ["mobilenet", mobilenet(), "conv_pw_13_relu", "tf"],
    ["vgg19", vgg19(), "block5_conv4", "caffe"],
  ] as const) {
    const image = preprocess(photo, { mode, size: 224 });
    const forward = jit((x: Tensor) => network.forward(x));
    const works = {
      [`I.${name}_fwd`]: () => void forward(image),
      [`I.${name}_gradcam`]: () => void gradCam(network, image, { layer, classIndex: 281 }),
    };
    if (name === "vgg19")
      works["I.vgg19_explain"] = () => {
        const small = resize(photo, 224, 224, "bilinear");
        const map = gradCam(network, preprocess(small, { mode }), { layer, classIndex: 281 });
        overlay(small, map);
      };
    yield* beside(works, name === "vgg19" ? 11 : 31);
  }
}
