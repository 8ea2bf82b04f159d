/**
 * @file Two small networks for the data set `shapes`: a convolutional one, and one whose middle is an ODE. Both keep 16 x 16
 * places to their last feature map and average over them, so that a class activation map can tell where the shape is.
 */
import { random } from "../../ops/index.ts";
import type { Tensor } from "../../ir/tensor.ts";
import * as nn from "../../nn/index.ts";
import { shapeNames } from "./outlines.ts";

/** Channels of the ODE's state. */
const channels = 32;

const block = (filters: number, name: string): nn.Layer[] => [
  nn.conv2d({
    filters,
    kernelSize: 3,
    padding: "same",
    useBias: false,
    kernelInitializer: "heNormal",
    name,
  }),
  nn.batchNorm({ momentum: 0.9, name: `${name}_norm` }),
  nn.relu({ name: `${name}_relu` }),
];

/** Pixels from 0 to 255 to 32 features at 16 x 16 places. */
const stem = (): nn.Layer[] => [
  nn.rescaling({ scale: 1 / 127.5, offset: -1, inputShape: [64, 64, 3] }),
  ...block(16, "conv1"),
  nn.maxPool2d(),
  ...block(channels, "conv2"),
  nn.maxPool2d(),
];

const head = (): nn.Layer[] => [
  nn.globalAveragePool2d(),
  nn.dense({ units: shapeNames.length, name: "scores" }),
];

/** Scores (logits) of the shapes, [N, 8], from pixels [N, 64, 64, 3] between 0 and 255. The last feature map is `conv5_relu`'s. */
export function shapesCnn(): nn.Sequential {
  return nn.sequential(
    [...stem(), ...block(64, "conv3"), ...block(64, "conv4"), ...block(64, "conv5"), ...head()],
    { name: "shapes_cnn" },
  );
}

/** How `shapesOdeNet` solves its ODE: the options of `nn.odeBlock`. */
export type ShapesOdeOptions = Omit<nn.OdeBlockOptions, "t0" | "t1" | "name" | "inputShape">;

/**
 * The same task with a feature map that flows from t = 0 to 1: scores [N, 8] from pixels [N, 64, 64, 3]. The layer `flow` is an
 * `odeBlock` of z [N, 16, 16, 32], solved by tsit5 to a tolerance of 1e-3 unless told otherwise.
 */
export function shapesOdeNet(options: ShapesOdeOptions = {}): nn.Sequential {
  const flow = nn.odeBlock(new Dynamics(random.key(0)), {
    ...(options.method === undefined && { rtol: 1e-3, atol: 1e-3 }),
    ...options,
    inputShape: [16, 16, channels],
    name: "flow",
  });
  return nn.sequential(
    [
      ...stem(),
      ...block(channels, "conv3"),
      flow,
      nn.batchNorm({ momentum: 0.9 }),
      nn.relu({ name: "features" }),
      ...head(),
    ],
    { name: "shapes_odenet" },
  );
}

/**
 * dz/dt = f(t, z), z [N, 16, 16, 32]: a 3 x 3 convolution with the time as one more channel (Chen et al. 2018, section 3), and one
 * of single places that begins with zeros: at first nothing flows. The channel of time is the same everywhere, so away from the
 * border its part of the convolution is t times a vector; here it is so at the border, too.
 */
class Dynamics extends nn.Module {
  readonly spread: nn.Layer;
  /** [32] */
  readonly slope: Tensor;
  readonly mix: nn.Layer;

  constructor(key: Tensor) {
    super();
    const [ofKernel, ofSlope] = random.split(key);
    const inputShape = [16, 16, channels];
    this.spread = nn.conv2d({
      filters: channels,
      kernelSize: 3,
      padding: "same",
      inputShape,
      key: ofKernel,
    });
    this.slope = random.normal(ofSlope, [channels], { std: 0.1 });
    this.mix = nn.conv2d({
      filters: channels,
      kernelSize: 1,
      kernelInitializer: "zeros",
      inputShape,
    });
  }

  forward(t: Tensor, z: Tensor): Tensor {
    return this.mix.forward(this.spread.forward(z).add(this.slope.mul(t)).tanh());
  }
}
