/** @file What a network that has a name is, and what all of them have in common: options, input, head, name. */
import { ArgumentError, complaint, describe } from "../../ir/errors.ts";
import { checkOptions } from "../../ir/options.ts";
import { type Shape, checkShape, formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import * as nn from "../../nn/index.ts";
import type { PreprocessMode } from "../images/index.ts";

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
  /** Keras' name of the model. */
  modelName(options: Options, rows: number): string;
  /** From images to feature maps. */
  features(images: nn.SymbolicTensor, options: Options): nn.SymbolicTensor;
  /** From feature maps to classes. */
  top(maps: nn.SymbolicTensor, options: Classes): nn.SymbolicTensor;
  /** Names of the layers that pool in place of the top; unless given, the model names them. */
  readonly poolNames?: Readonly<Record<"avg" | "max", string>>;
}

/** A network by name. */
export interface Architecture<
  Options extends ArchitectureOptions = ArchitectureOptions,
> extends Omit<Definition<Options>, "features" | "top" | "check"> {
  /** The network, with weights drawn from the seed. Throws ArgumentError or ShapeError for options it cannot use. */
  build(options?: Options): Network;
}

const optionNames: readonly (keyof ArchitectureOptions)[] = [
  "inputShape",
  "includeTop",
  "classes",
  "classifierActivation",
  "pooling",
  "dtype",
  "seed",
  "name",
];

/** The architecture of a definition. */
export function architecture<Options extends ArchitectureOptions>(
  definition: Definition<Options>,
): Architecture<Options> {
  return { ...definition, build: (options = {} as Options) => build(definition, options) };
}

function build<Options extends ArchitectureOptions>(
  definition: Definition<Options>,
  options: Options,
): Network {
  const who = definition.name;
  checkOptions(who, options, [...optionNames, ...(definition.ownOptions ?? [])]);
  definition.check?.(options);
  const { includeTop = true, classes = 1000, pooling, dtype = "float32" } = options;
  const shape = inputShapeOf(definition, options.inputShape);
  checkTop(who, options);
  const { classifierActivation = "softmax" } = options;
  const images = nn.input({ shape, dtype });
  const maps = definition.features(images, options);
  const outputs = includeTop
    ? definition.top(maps, { classes, activation: classifierActivation ?? "linear" })
    : pooling === undefined
      ? maps
      : pooled(maps, pooling, definition.poolNames?.[pooling]);
  return nn.model({
    inputs: images,
    outputs,
    dtype,
    name: options.name ?? definition.modelName(options, shape[0]!),
    ...(options.seed !== undefined && { seed: options.seed }),
  });
}

function inputShapeOf<Options extends ArchitectureOptions>(
  { name, inputSize, leastSize }: Definition<Options>,
  given: Shape | undefined,
): Shape {
  if (given === undefined) return [inputSize, inputSize, 3];
  const who = `${name}: inputShape`;
  checkShape(who, given);
  if (given.length !== 3 || given[0]! < leastSize || given[1]! < leastSize || given[2]! < 1)
    throw new ArgumentError(
      complaint(
        who,
        `[rows, columns, channels] with at least ${leastSize} rows and columns`,
        formatShape(given),
      ),
    );
  return given;
}

function checkTop(who: string, options: ArchitectureOptions): void {
  const { includeTop, classes, classifierActivation, pooling } = options;
  if (includeTop !== undefined && typeof includeTop !== "boolean")
    throw new ArgumentError(complaint(`${who}: includeTop`, "true or false", describe(includeTop)));
  if (includeTop === false) {
    if (classes !== undefined || classifierActivation !== undefined)
      throw new ArgumentError(
        complaint(
          who,
          "classes and classifierActivation with the top only",
          "includeTop: false",
          "Leave them out, or includeTop.",
        ),
      );
    if (pooling !== undefined && pooling !== "avg" && pooling !== "max")
      throw new ArgumentError(complaint(`${who}: pooling`, '"avg" or "max"', describe(pooling)));
  } else if (pooling !== undefined)
    throw new ArgumentError(
      complaint(
        `${who}: pooling`,
        "none with the top, which pools itself",
        describe(pooling),
        "Give includeTop: false.",
      ),
    );
}

function pooled(
  maps: nn.SymbolicTensor,
  pooling: "avg" | "max",
  name: string | undefined,
): nn.SymbolicTensor {
  const options = name === undefined ? {} : { name };
  const layer = pooling === "avg" ? nn.globalAveragePool2d(options) : nn.globalMaxPool2d(options);
  return layer.apply(maps);
}

/** The head that most networks have: each map's mean (a layer of this name, if any), then scores of classes, "predictions". */
export function meansToClasses(
  maps: nn.SymbolicTensor,
  { classes, activation }: Classes,
  poolName?: string,
): nn.SymbolicTensor {
  const means = pooled(maps, "avg", poolName);
  return nn.dense({ units: classes, activation, name: "predictions" }).apply(means);
}
