/** @file Weights from a formula that make-architectures.py computes too, and the golden values of networks that have them. */
import { readFileSync } from "node:fs";
import { type Tensor, type Tree, flattenTree, tensor } from "../../src/index.ts";
import { Executable } from "../../src/compile/evaluate.ts";
import { trace } from "../../src/ir/trace.ts";
import type { Network } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { type Floats, hashed } from "../support/keras-golden.ts";

/** Options as Python writes them. */
type Options = Readonly<Record<string, unknown>>;

export const golden = JSON.parse(
  readFileSync(new URL("../golden/architectures.json", import.meta.url), "utf8"),
) as {
  readonly summaries: readonly {
    readonly name: string;
    readonly options: Options;
    readonly layers: number;
    readonly parameters: number;
    readonly summary: string;
  }[];
  readonly runs: readonly {
    readonly name: string;
    readonly options: Options;
    readonly shape: readonly number[];
    readonly step: number;
    readonly largest: number;
    readonly outputs: string;
  }[];
};

/** The model with other tensors in place of its parameters (`parameters()`). */
export function filled<M extends nn.Layer>(
  model: M,
  by: (leaf: Tensor, index: number) => Tensor,
): M {
  const { leaves, def } = flattenTree("model", model as unknown as Tree);
  return def.rebuild(leaves.map(by)) as unknown as M;
}

/** The network with the weights of make-architectures.py (`seeded`): the n-th tensor of all layers has seed n. */
export function seeded(model: Network): Network {
  const weights = new Map<Tensor, Tensor>();
  for (const layer of model.layers)
    for (const [name, parameter] of layer.namedParameters())
      weights.set(parameter, fill(layer, name, parameter, weights.size + 1));
  return filled(model, (leaf) => weights.get(leaf)!);
}

function fill(
  layer: nn.ModelLayer,
  name: string,
  { shape, dtype, size }: Tensor,
  seed: number,
): Tensor {
  const values = new Float64Array(size);
  const fanIn =
    layer instanceof nn.DepthwiseConv2d
      ? shape[0]! * shape[1]!
      : shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
  const [scale, shift] =
    shape.length > 1
      ? [Math.sqrt(6 / fanIn), 0]
      : ["gamma", "movingVariance", "variance"].includes(name)
        ? [0.5, 1]
        : name === "count"
          ? [0, 0]
          : [0.1, 0];
  for (let i = 0; i < size; i++) values[i] = Math.fround(hashed(seed, i) * scale + shift);
  return tensor(values, { dtype, shape });
}

/** The images of make-architectures.py (`run`). */
export function images(shape: readonly number[], dtype: Floats, isPixels: boolean): Tensor {
  const values = new Float64Array(shape.reduce((product, extent) => product * extent, 1));
  for (let i = 0; i < values.length; i++) {
    const value = hashed(1000, i);
    values[i] = Math.fround(isPixels ? value * 127.5 + 127.5 : value);
  }
  return tensor(values, { dtype, shape });
}

/** What `use` makes of a compiled function of tensors like the one given, whose kernel memory is given back at once. */
export function compiled<T>(
  fn: (x: Tensor) => Tensor,
  like: Tensor,
  use: (call: (x: Tensor) => Tensor) => T,
): T {
  const { graph, captured } = trace((x: Tensor) => [fn(x)], [like]);
  const program = new Executable(graph, "network", captured);
  try {
    return use((x) => program.call([x])[0]!);
  } finally {
    program.release();
  }
}
