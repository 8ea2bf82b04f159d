/** @file Inputs in another unit: the first layer of many image models. */
import { type DType, isFloat } from "../../ir/dtype.ts";
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { tensor } from "../../ops/index.ts";
import { Layer, type LayerOptions, type Setting, checkOptions } from "../layer.ts";

/** Options of `rescaling`, with Keras' names and defaults. */
export interface RescalingOptions extends LayerOptions {
  /** Factor, or one for each channel (the last axis). */
  readonly scale: number | readonly number[];
  /** What is added after that, or one number for each channel: 0 unless given. */
  readonly offset?: number | readonly number[];
}

/** x scale + offset. Integers are taken as floats of the layer's dtype. */
export class Rescaling extends Layer {
  readonly scale: number | readonly number[];
  readonly offset: number | readonly number[];
  /** What integers become. */
  private floats: "float32" | "float64";

  constructor(options: RescalingOptions) {
    checkOptions("rescaling", options, ["scale", "offset"]);
    super(options);
    this.scale = numbers(`${this.label}: scale`, options.scale);
    this.offset = numbers(`${this.label}: offset`, options.offset ?? 0);
    this.floats = options.dtype ?? "float32";
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "rescaling";
  }

  override computeOutputDType(inputDType: DType): DType {
    return isFloat(inputDType) ? inputDType : this.floats;
  }

  protected make(inputShape: Shape, { dtype }: Setting): Shape {
    for (const factor of [this.scale, this.offset])
      if (typeof factor !== "number" && factor.length !== inputShape.at(-1))
        throw new ShapeError(
          complaint(
            this.label,
            `samples with ${factor.length} channels, as scale and offset have`,
            formatShape(inputShape),
          ),
        );
    this.floats = dtype;
    return inputShape;
  }

  /** x [batch, ..., channels] -> the same shape. ShapeError if there are other numbers of channels. */
  forward(x: Tensor): Tensor {
    const dtype = this.computeOutputDType(requireTensor(this.label, x).dtype);
    const operand = (factor: number | readonly number[]): number | Tensor =>
      typeof factor === "number" ? factor : tensor([...factor], { dtype });
    const scaled = x.cast(dtype).mul(operand(this.scale));
    return this.offset === 0 ? scaled : scaled.add(operand(this.offset));
  }
}

function numbers(who: string, value: unknown): number | readonly number[] {
  if (Number.isFinite(value)) return value as number;
  if (!Array.isArray(value) || value.length === 0 || !value.every(Number.isFinite))
    throw new ArgumentError(
      complaint(who, "a finite number, or an array of them (one a channel)", describe(value)),
    );
  return [...(value as number[])];
}

/** x scale + offset: `rescaling({ scale: 1 / 127.5, offset: -1 })`. Throws ArgumentError for options it does not know or cannot use. */
export function rescaling(options: RescalingOptions): Rescaling {
  return new Rescaling(options);
}
