/** @file Options of networks by name, and what tells one architecture from the others. */
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import type * as nn from "../../nn/index.ts";
import type { PreprocessMode } from "../images/index.ts";
import type { PublishedFile } from "../pretrained/published.ts";

/** Options of every network by name, with Keras' names and defaults. */
export interface ArchitectureOptions {
  /** Rows, columns and channels of an image: those that the published weights are for, and 3 channels, unless given. */
  readonly inputShape?: Shape;
  /** Whether the layers that classify are there: true unless given. */
  readonly includeTop?: boolean;
  /** Number of classes: 1000 unless given. Only with the top. */
  readonly classes?: number;
  /** What the last layer does with the scores: `softmax` unless given; null or `linear` leaves them. Only with the top. */
  readonly classifierActivation?: nn.ActivationName | nn.Activation | null;
  /** Without the top: `avg` or `max` over rows and columns; unless given, the output is feature maps. */
  readonly pooling?: "avg" | "max";
  /** `float32` unless given. */
  readonly dtype?: "float32" | "float64";
  /** What the kernels are drawn from: 0 unless given. */
  readonly seed?: number;
  /** What summaries call the model: as Keras does, unless given. */
  readonly name?: string;
}

/** The option of networks that come in several widths. */
export interface WidthOptions extends ArchitectureOptions {
  /** Factor of the numbers of filters: 1 unless given. */
  readonly alpha?: number;
}

/** A network, from images [batch, rows, columns, channels] to probabilities, features or feature maps. */
export type Network = nn.Model<Tensor, Tensor>;

/** What the top of a network needs to know. */
export interface Classes {
  readonly classes: number;
  readonly activation: nn.ActivationName | nn.Activation;
}

/** What tells one architecture from the others. */
export interface Definition<Options extends ArchitectureOptions> {
  /** As users write it. */
  readonly name: string;
  /** Where it was published. */
  readonly paper: string;
  /** Rows and columns that the published weights are for. */
  readonly inputSize: number;
  /** The fewest rows and columns that it takes. */
  readonly leastSize: number;
  /** How pixels 0..255 become its input. */
  readonly preprocess: PreprocessMode;
  /** Names of options beyond those that all have. */
  readonly ownOptions?: readonly (keyof Options & string)[];
  /** Throws where own options have values that they cannot have. */
  check?(options: Options): void;
  /**
   * The file of weights that Keras publishes for these options. Throws ArgumentError where there are some for others only; not there
   * where there are none at all.
   */
  published?(options: Options): PublishedFile;
  /** Options that go with the published weights. */
  readonly publishedOptions?: Options;
  /** Keras' name of the model. */
  modelName(options: Options, rows: number): string;
  /** From images to feature maps. */
  features(images: nn.SymbolicTensor, options: Options): nn.SymbolicTensor;
  /** From feature maps to classes. */
  top(maps: nn.SymbolicTensor, options: Classes): nn.SymbolicTensor;
  /** Names of the layers that pool in place of the top; unless given, the model names them. */
  readonly poolNames?: Readonly<Record<"avg" | "max", string>>;
}
