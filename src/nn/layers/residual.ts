/** @file Residual connections. */
import { ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Kind, optional, required } from "../../base/options.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { child, factory, layer } from "../declare.ts";
import type { SequentialItem } from "../graph/model.ts";
import { Layer, type LayerOptions } from "../layer.ts";
import { type Mode, childMode, watched } from "../mode.ts";
import { sequential } from "./sequential.ts";

/** A layer, or several items in order, as a layer. */
export const layers: Kind<SequentialItem | readonly SequentialItem[], Layer> = {
  expected: "a layer, or a list of at least one",
  read(who, given, Fails) {
    if (given instanceof Layer) return given;
    const list: readonly unknown[] = Array.isArray(given) ? given : [given];
    if (list.length === 0) throw new Fails(complaint(who, layers.expected, describe(given)));
    for (const item of list)
      if (typeof item !== "function" && typeof (item as Layer | null)?.forward !== "function")
        throw new Fails(complaint(who, layers.expected, describe(item)));
    return sequential(list as readonly SequentialItem[]);
  },
};

/** Options of `residual`. */
export interface ResidualOptions extends LayerOptions {
  /** What x passes on the way around: a layer (a convolution that changes strides or channels, say); x itself unless given. */
  readonly shortcut?: SequentialItem;
}

/** shortcut(x) + f(x) (He et al. 2016, eq. 1 and 2). */
export class Residual extends layer(
  "residual",
  {
    body: required(layers, "f: a layer, or several in order."),
    shortcut: optional(layers, undefined, "What x passes on the way around."),
  },
  {
    inputShape: ({ body }) => body.inputShape,
    parameters: ({ body, shortcut }, shape) => ({
      body: child(body, shape),
      shortcut: shortcut && child(shortcut, shape),
    }),
    outputShape({ label }, shape, { body, shortcut }) {
      const around = shortcut?.outputShape ?? shape;
      if (!sameShape(body.outputShape, around))
        throw new ShapeError(
          complaint(
            label,
            `layers that give what the shortcut gives, ${formatShape(around)}`,
            formatShape(body.outputShape),
            shortcut === undefined
              ? "Give a shortcut: a layer from the input's shape to the output's."
              : undefined,
          ),
        );
      return around;
    },
  },
) {
  constructor(body: SequentialItem | readonly SequentialItem[], options: ResidualOptions = {}) {
    const isOptions = typeof options === "object" && options !== null && !Array.isArray(options);
    super(isOptions ? { ...options, body } : (options as never));
  }

  /** shortcut(x) + f(x), both of one shape [batch, ...]. */
  forward(x: Tensor, mode?: Mode): Tensor {
    this.requireGrown();
    const parts = this.shortcut === undefined ? [this.body] : [this.body, this.shortcut];
    const [output, around = x] = parts.map((part, index) =>
      watched(mode, part, part.forward(x, childMode(mode, index))),
    );
    return around.add(output!);
  }
}

/**
 * A residual connection around a layer, or several in order: `residual([conv2d({ ... }), batchNorm()])` is x + f(x).
 * Throws ShapeError unless f and the shortcut give samples of one shape.
 */
export const residual = factory(Residual);
