/** @file InceptionV3: branches of several kernel sizes side by side, large kernels made of long thin ones. */
import * as nn from "../../nn/index.ts";
import { type Architecture, architecture, meansToClasses, publishedPair } from "./architecture.ts";

/** A convolution without bias, batch normalisation without gamma, relu. Keras gives these layers no names. */
interface Unit {
  readonly filters: number;
  readonly kernelSize: number | readonly [number, number];
  readonly strides?: number;
  readonly padding?: "same" | "valid";
}

/** Units one after another, "same" and of stride 1 unless they say otherwise. */
function chain(x: nn.SymbolicTensor, ...units: readonly Unit[]): nn.SymbolicTensor {
  let y = x;
  for (const unit of units) {
    const conv = nn.conv2d({ padding: "same", useBias: false, ...unit });
    y = nn.batchNorm({ scale: false }).apply(conv.apply(y));
    y = nn.activation({ activation: "relu" }).apply(y);
  }
  return y;
}

const unit = (filters: number, kernelSize: Unit["kernelSize"] = 1): Unit => ({
  filters,
  kernelSize,
});
/** Without padding, at half the size. */
const shrinking = (filters: number): Unit => ({
  ...unit(filters, 3),
  strides: 2,
  padding: "valid",
});
const flat = [1, 7] as const;
const tall = [7, 1] as const;

const averaged = (x: nn.SymbolicTensor): nn.SymbolicTensor =>
  nn.averagePool2d({ poolSize: 3, strides: 1, padding: "same" }).apply(x);
const halved = (x: nn.SymbolicTensor): nn.SymbolicTensor =>
  nn.maxPool2d({ poolSize: 3, strides: 2 }).apply(x);
const joined = (branches: readonly nn.SymbolicTensor[], name?: string): nn.SymbolicTensor =>
  nn.concatenate(name === undefined ? {} : { name }).apply(branches);

/** Figure 5: 5x5 as two 3x3. */
function mixed5(x: nn.SymbolicTensor, pooled: number, name: string): nn.SymbolicTensor {
  const branches = [
    chain(x, unit(64)),
    chain(x, unit(48), unit(64, 5)),
    chain(x, unit(64), unit(96, 3), unit(96, 3)),
    chain(averaged(x), unit(pooled)),
  ];
  return joined(branches, name);
}

/** Figure 6: 7x7 as 1x7 and 7x1. */
function mixed7(x: nn.SymbolicTensor, inner: number, name: string): nn.SymbolicTensor {
  const branches = [
    chain(x, unit(192)),
    chain(x, unit(inner), unit(inner, flat), unit(192, tall)),
    chain(x, unit(inner), unit(inner, tall), unit(inner, flat), unit(inner, tall), unit(192, flat)),
    chain(averaged(x), unit(192)),
  ];
  return joined(branches, name);
}

/** Figure 7: 1x3 and 3x1 side by side. */
function mixed9(x: nn.SymbolicTensor, number: number): nn.SymbolicTensor {
  const spread = (y: nn.SymbolicTensor, name?: string): nn.SymbolicTensor =>
    joined([chain(y, unit(384, [1, 3])), chain(y, unit(384, [3, 1]))], name);
  const branches = [
    chain(x, unit(320)),
    spread(chain(x, unit(384)), `mixed9_${number}`),
    spread(chain(x, unit(448), unit(384, 3))),
    chain(averaged(x), unit(192)),
  ];
  return joined(branches, `mixed${9 + number}`);
}

export const inceptionV3Architecture: Architecture = architecture({
  name: "inceptionV3",
  paper: "Szegedy et al. 2016, arXiv:1512.00567",
  inputSize: 299,
  leastSize: 75,
  preprocess: "tf",
  published: publishedPair(
    "tensorflow/keras-applications/inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels",
    ["9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"],
  ),
  modelName: () => "inception_v3",
  features(images) {
    let x = chain(images, shrinking(32), { ...unit(32, 3), padding: "valid" }, unit(64, 3));
    x = chain(halved(x), unit(80), { ...unit(192, 3), padding: "valid" });
    x = halved(x);
    for (const [number, pooled] of [32, 64, 64].entries()) x = mixed5(x, pooled, `mixed${number}`);
    const three = [
      chain(x, shrinking(384)),
      chain(x, unit(64), unit(96, 3), shrinking(96)),
      halved(x),
    ];
    x = joined(three, "mixed3");
    for (const [number, inner] of [128, 160, 160, 192].entries())
      x = mixed7(x, inner, `mixed${4 + number}`);
    const eight = [
      chain(x, unit(192), shrinking(320)),
      chain(x, unit(192), unit(192, flat), unit(192, tall), shrinking(192)),
      halved(x),
    ];
    x = joined(eight, "mixed8");
    for (const number of [0, 1]) x = mixed9(x, number);
    return x;
  },
  top: (maps, options) => meansToClasses(maps, options, "avg_pool"),
});

/**
 * InceptionV3, 23,851,784 parameters (Szegedy et al. 2016, table 1). Images [batch, 299, 299, 3] from -1 to 1 ("tf").
 */
export const inceptionV3: Architecture["build"] = inceptionV3Architecture.build;
