/** @file What layers with a kernel that slides over images have in common: their options, their bias and activation. */
import type { ConvGeometry, Pair } from "../../ir/conv.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { type Activation, type ActivationName, activated, activationOf } from "../activations.ts";
import { childKey } from "../at-once.ts";
import { type Initializer, type InitializerName, initializerOf } from "../initializers.ts";
import { Layer, type LayerOptions, type Setting, checkOptions } from "../layer.ts";
import {
  type ImageOptions,
  type PaddingOption,
  type PairOption,
  checkDataFormat,
  imageShape,
  paddingOf,
  pairOf,
  requireImages,
  windowsIn,
} from "./image.ts";
import { checkFlag, requireDType } from "./input.ts";

/** Options that all layers with kernels have, with Keras' names and defaults. */
export interface ConvLayerOptions extends LayerOptions, ImageOptions {
  /** Rows and columns of the kernel. */
  readonly kernelSize: PairOption;
  /** 1 unless given. May exceed 1 only where `dilationRate` does not. */
  readonly strides?: PairOption;
  /** `valid` unless given. */
  readonly padding?: PaddingOption;
  /** Distance between neighbouring elements of the kernel on the image: 1 unless given. */
  readonly dilationRate?: PairOption;
  /** `linear` unless given; applied after the bias. */
  readonly activation?: ActivationName | Activation;
  /** Whether there is a bias: true unless given. */
  readonly useBias?: boolean;
  /** `zeros` unless given. */
  readonly biasInitializer?: InitializerName | Initializer;
}

/** The option of convolutions that can be computed in more ways than one. */
export interface AlgorithmOption {
  /** `auto` (unless given) may use transforms with fewer products and a little more rounding, `direct` never does. */
  readonly algorithm?: ConvGeometry["algorithm"];
}

/** Base of layers with kernels. Parameters are fields of the layers themselves, in Keras' order: kernels, then the bias. */
export abstract class ConvLayer extends Layer {
  /** [filters]; undefined without bias. */
  abstract bias: Tensor | undefined;
  readonly kernelSize: Pair;
  readonly strides: Pair;
  readonly padding: PaddingOption;
  readonly dilationRate: Pair;
  readonly activation: Activation;
  readonly useBias: boolean;
  readonly biasInitializer: Initializer;

  constructor(kind: string, options: ConvLayerOptions, known: readonly string[]) {
    checkOptions(kind, options, [
      "kernelSize",
      "strides",
      "padding",
      "dilationRate",
      "activation",
      "useBias",
      "biasInitializer",
      "dataFormat",
      ...known,
    ]);
    super(options);
    const who = this.label;
    checkDataFormat(who, options.dataFormat);
    this.kernelSize = pairOf(`${who}: kernelSize`, options.kernelSize, 1);
    this.strides = pairOf(`${who}: strides`, options.strides ?? 1, 1);
    this.padding = paddingOf(who, options.padding ?? "valid");
    this.dilationRate = pairOf(`${who}: dilationRate`, options.dilationRate ?? 1, 1);
    if (Math.max(...this.strides) > 1 && Math.max(...this.dilationRate) > 1)
      throw new ArgumentError(
        complaint(
          who,
          "strides of 1 with dilation, or dilation of 1 with strides",
          `strides [${this.strides.join(", ")}] and dilationRate [${this.dilationRate.join(", ")}]`,
        ),
      );
    checkFlag(`${who}: useBias`, options.useBias);
    this.useBias = options.useBias ?? true;
    this.activation = activationOf(who, options.activation);
    this.biasInitializer = this.initializer("biasInitializer", options.biasInitializer, "zeros");
  }

  /** An initialiser among the options, or the one used unless given. */
  protected initializer(
    option: string,
    given: InitializerName | Initializer | undefined,
    otherwise: InitializerName,
  ): Initializer {
    return initializerOf(`${this.label}: ${option}`, given ?? otherwise);
  }

  /** [rows, columns, channels] of the input. */
  protected image(inputShape: Shape): [number, number, number] {
    return imageShape(this.label, inputShape);
  }

  /** Makes the bias, which is the `index`-th parameter of the layer. */
  protected makeBias(filters: number, index: number, { key, dtype }: Setting): void {
    if (this.useBias) this.bias = this.biasInitializer(childKey(key, index), [filters], dtype);
  }

  /** The input, if it is images of so many channels and of the kernel's dtype. */
  protected images(x: Tensor, channels: number, kernel: Tensor): Tensor {
    const images = requireImages(this.label, x, channels);
    requireDType(this.label, images, kernel.dtype);
    return images;
  }

  /** How many kernels fit into an image. Throws ShapeError naming the layer if none does. */
  protected counts(image: readonly [number, number, ...number[]]): [number, number] {
    const { kernelSize: window, strides, padding, dilationRate: dilation } = this;
    return windowsIn(this.label, image, { window, strides, padding, dilation });
  }

  /** Bias and activation. */
  protected finish(y: Tensor): Tensor {
    const sum = this.bias === undefined ? y : y.add(this.bias);
    return activated(this.label, this.activation, sum);
  }
}

/** The algorithm among the options. Throws ArgumentError for others. */
export function algorithmOf(who: string, value: unknown = "auto"): ConvGeometry["algorithm"] {
  if (value !== "auto" && value !== "direct")
    throw new ArgumentError(complaint(`${who}: algorithm`, `"auto" or "direct"`, describe(value)));
  return value;
}
