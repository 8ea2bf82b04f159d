/**
 * @file Two small networks for the data set, untrained and trained: a convolutional one, and one whose middle is an ODE. Both keep
 * 16 x 16 positions up to the last feature map and average over them, so that a class activation map can tell where the shape is.
 */
import * as nn from "../nn/index.ts";
import { random } from "../ops/index.ts";
import type { Tensor } from "../ir/tensor.ts";
import { shapeNames } from "./outlines.ts";
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { loadModel } from "../models/index.ts";

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

/** From pixels between 0 and 255 to 32 features at 16 x 16 positions. */
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

/**
 * An untrained convolutional network: pixels [N, 64, 64, 3] between 0 and 255 to logits [N, 8]. Its last feature map is the output
 * of the layer `conv5_relu`.
 */
export function shapesCnn(): nn.Sequential {
  return nn.sequential(
    [...stem(), ...block(64, "conv3"), ...block(64, "conv4"), ...block(64, "conv5"), ...head()],
    { name: "shapes_cnn" },
  );
}

/** Options of `shapesOdeNet`: those of `nn.odeBlock` that say how the ODE is solved. */
export type ShapesOdeOptions = Omit<nn.OdeBlockOptions, "t0" | "t1" | "name" | "inputShape">;

/**
 * An untrained network whose feature map z [N, 16, 16, 32] flows from t = 0 to 1 in the layer `flow`, an `odeBlock`: pixels
 * [N, 64, 64, 3] between 0 and 255 to logits [N, 8]. The solver is tsit5 with a tolerance of 1e-3 by default.
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
 * dz/dt = f(t, z), z [N, 16, 16, 32]: a 3 x 3 convolution with the time as one more channel (Chen et al. 2018, section 3), then a
 * 1 x 1 convolution whose weights start at zero, so that nothing flows before training. Away from the border a constant channel t
 * adds t times a vector to the convolution; this network adds that at the border, too.
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

/** The networks whose weights come with the package, in its folder `assets`. */
const trained: Readonly<Record<"cnn" | "odenet", { make: () => nn.Sequential; url: () => URL }>> = {
  cnn: {
    make: shapesCnn,
    url: () => new URL("../../assets/shapes-cnn.safetensors", import.meta.url),
  },
  odenet: {
    make: shapesOdeNet,
    url: () => new URL("../../assets/shapes-odenet.safetensors", import.meta.url),
  },
};

/**
 * `await trainedShapesNetwork("cnn")` or `("odenet")`: the network of `shapesCnn()` or `shapesOdeNet()` with the weights that
 * `npm run train:shapes` made, read from the package's folder `assets`. A program that is bundled without that folder passes its
 * own URLs to `loadModel`. Throws ArgumentError for other names, FormatError if the file is missing.
 */
export async function trainedShapesNetwork(name: "cnn" | "odenet"): Promise<nn.Sequential> {
  if (!Object.hasOwn(trained, name))
    throw new ArgumentError(
      complaint("trainedShapesNetwork", Object.keys(trained).join(" or "), describe(name)),
    );
  const { make, url } = trained[name];
  return (await loadModel(url(), { topology: make() })) as nn.Sequential;
}
