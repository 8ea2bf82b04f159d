/** @file Residual connections. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { Layer, type LayerOptions, type Setting, checkOptions } from "../layer.ts";
import { type Mode, childMode, watched } from "../mode.ts";
import { nameLayers } from "../naming.ts";
import { rowOf } from "../summary-row.ts";
import type { SummaryRow } from "../summary.ts";
import { type SequentialItem, sequential } from "./sequential.ts";

/** Options of `residual`. */
export interface ResidualOptions extends LayerOptions {
  /** What x passes on the way around: a layer (a convolution that changes strides or channels, say); x itself unless given. */
  readonly shortcut?: SequentialItem;
}

/** shortcut(x) + f(x) (He et al. 2016, eq. 1 and 2). */
export class Residual extends Layer {
  readonly body: Layer;
  readonly shortcut: Layer | undefined;

  constructor(layers: SequentialItem | readonly SequentialItem[], options: ResidualOptions = {}) {
    checkOptions("residual", options, ["shortcut"]);
    super(options);
    this.body = layerOf(`${this.label}: layers`, layers);
    this.shortcut =
      options.shortcut === undefined
        ? undefined
        : layerOf(`${this.label}: shortcut`, options.shortcut);
    nameLayers(this.label, this.parts());
    const inputShape = options.inputShape ?? this.body.inputShape;
    if (inputShape !== undefined) this.grow(inputShape);
    if (options.trainable === false) this.trainable = false;
  }

  get kind(): string {
    return "residual";
  }

  private parts(): Layer[] {
    return this.shortcut === undefined ? [this.body] : [this.body, this.shortcut];
  }

  protected make(inputShape: Shape, setting: Setting): Shape {
    const [output, around = inputShape] = this.parts().map(
      (part, index) => this.growChild(part, inputShape, setting, index) as Shape,
    );
    return this.fitting(output!, around);
  }

  /** Which of the parts keep their parameters is for each of them to say. */
  protected override regrows(): boolean {
    return true;
  }

  override computeOutputShape(inputShape: Shape): Shape {
    const [output, around = inputShape] = this.parts().map((part) =>
      part.computeOutputShape(inputShape),
    );
    return this.fitting(output!, around);
  }

  private fitting(output: Shape, around: Shape): Shape {
    if (!sameShape(output, around))
      throw new ShapeError(
        complaint(
          this.label,
          `layers that give what the shortcut gives, ${formatShape(around)}`,
          formatShape(output),
          this.shortcut === undefined
            ? "Give a shortcut: a layer from the input's shape to the output's."
            : undefined,
        ),
      );
    return output;
  }

  /** shortcut(x) + f(x). */
  forward(x: Tensor, mode?: Mode): Tensor {
    this.requireGrown();
    const [output, around = x] = this.parts().map((part, index) =>
      watched(mode, part, part.forward(x, childMode(mode, index))),
    );
    return around.add(output!);
  }

  /** @internal The rows of the summary. */
  summaryRows(): SummaryRow[] {
    return this.parts().map(rowOf);
  }
}

function layerOf(who: string, layers: SequentialItem | readonly SequentialItem[]): Layer {
  if (layers instanceof Layer) return layers;
  const list: readonly unknown[] = Array.isArray(layers) ? layers : [layers];
  if (list.length === 0)
    throw new ArgumentError(complaint(who, "at least one layer", describe(layers)));
  return sequential(list as readonly SequentialItem[]);
}

/**
 * A residual connection around a layer, or several in order: `residual([conv2d({ ... }), batchNorm()])` is x + f(x).
 * Throws ShapeError unless f and the shortcut give samples of one shape.
 */
export function residual(
  layers: SequentialItem | readonly SequentialItem[],
  options: ResidualOptions = {},
): Residual {
  return new Residual(layers, options);
}
