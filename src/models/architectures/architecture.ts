/**
 * @file Networks by name: what tells one architecture from the others, the options that all have, and how a network is built, with
 * weights that are drawn or come from a file.
 */
import * as nn from "../../nn/index.ts";
import { type Shape, checkShape, formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import type { PreprocessMode } from "../images/index.ts";
import { type PublishedFile, kerasFile } from "../pretrained/download.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import {
  type Kind,
  type Option,
  type OptionsOf,
  type Spec,
  optional,
  schema,
} from "../../base/options.ts";
import {
  activation,
  between,
  count,
  flag,
  floatDType,
  oneOf,
  text,
  uncheckedShape,
  whole,
} from "../../nn/kinds.ts";
import { type WeightsOptions, weightsSpec, withWeights } from "../pretrained/weights.ts";

/** What the last layer may do with the scores. */
const scoresActivation = activation as Kind<
  nn.ActivationName | nn.Activation | null,
  nn.Activation
>;

const spec = {
  inputShape: optional(
    uncheckedShape,
    undefined,
    "[rows, columns, channels] of an image: what the published weights are for, with 3 channels, unless given.",
  ),
  includeTop: optional(flag, true, "Whether the network ends in the layers that classify."),
  classes: optional(count, undefined, "Number of classes, 1000 unless given. Only with the top."),
  classifierActivation: optional(
    scoresActivation,
    undefined,
    "What the last layer does with the scores: softmax unless given; null or linear leaves them. Only with the top.",
  ),
  pooling: optional(
    oneOf(["avg", "max"]),
    undefined,
    "Without the top: avg or max over rows and columns. Otherwise the output is feature maps.",
  ),
  dtype: optional(floatDType, "float32", "dtype of the parameters."),
  seed: optional(whole(0), undefined, "What the kernels are drawn from: 0 unless given."),
  name: optional(
    text,
    undefined,
    "What summaries call the model: what Keras calls it unless given.",
  ),
};

/** Options of every network by name, with Keras' names and defaults. */
export type ArchitectureOptions = OptionsOf<typeof spec>;

/** The option of networks that come in several widths, of at least `least`. */
export function widthSpec(least: number): { readonly alpha: Option<number, number, false> } {
  return { alpha: optional(between(least, Infinity), 1, "Factor of the numbers of filters.") };
}

/** Options of networks that come in several widths. */
export type WidthOptions = ArchitectureOptions & OptionsOf<ReturnType<typeof widthSpec>>;

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
  /** Options beyond those that all have. */
  readonly own?: Spec;
  /**
   * The file of weights that Keras publishes for these options. Throws ArgumentError where there are some for others only; not there
   * where there are none at all.
   */
  published?(options: Options): PublishedFile;
  /** Options that go with the published weights. */
  readonly publishedOptions?: Options;
  /** Keras' name of the model. */
  modelName(options: Options, rows: number): string;
  /** From images to feature maps. Options that have a default are there. */
  features(images: nn.SymbolicTensor, options: Options): nn.SymbolicTensor;
  /** From feature maps to classes. */
  top(maps: nn.SymbolicTensor, options: Classes): nn.SymbolicTensor;
  /** Names of the layers that pool in place of the top; by default the model names them. */
  readonly poolNames?: Readonly<Record<"avg" | "max", string>>;
}

/** The files that Keras publishes of a network: `stem`.h5, and without the top `stem`_notop.h5; each with its MD5. */
export function publishedPair(
  stem: string,
  md5: readonly [whole: string, withoutTop: string],
): (options: ArchitectureOptions) => PublishedFile {
  return ({ includeTop = true }) =>
    includeTop ? kerasFile(`${stem}.h5`, md5[0]) : kerasFile(`${stem}_notop.h5`, md5[1]);
}

/** The mean or maximum of each map, by a layer of this name, if any. */
export function pooled(
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

/** The network, with weights drawn from the seed, or without any yet. */
export function build<Options extends ArchitectureOptions>(
  definition: Definition<Options>,
  options: Options,
  initialize = true,
): Network {
  const who = definition.name;
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
    initialize,
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

/** Throws ArgumentError for options of the top without it, and for pooling with it. */
function checkTop(who: string, options: ArchitectureOptions): void {
  const { includeTop, classes, classifierActivation, pooling } = options;
  if (includeTop === false && (classes !== undefined || classifierActivation !== undefined))
    throw new ArgumentError(
      complaint(
        who,
        "classes and classifierActivation with the top only",
        "includeTop: false",
        "Leave them out, or includeTop.",
      ),
    );
  if (includeTop !== false && pooling !== undefined)
    throw new ArgumentError(
      complaint(
        `${who}: pooling`,
        "none with the top, which pools itself",
        describe(pooling),
        "Give includeTop: false.",
      ),
    );
}

/**
 * Makes a network. With the option `weights` they come from a file, and the network is promised; otherwise they are drawn from
 * `seed`. Throws ArgumentError or ShapeError for options it cannot use; with weights FormatError for files that do not fit, and
 * DownloadError.
 */
export interface Build<Options extends ArchitectureOptions> {
  (options: Options & WeightsOptions): Promise<Network>;
  (options?: Options & { readonly weights?: undefined }): Network;
}

/** A network by name. */
export interface Architecture<
  Options extends ArchitectureOptions = ArchitectureOptions,
> extends Pick<
  Definition<Options>,
  "name" | "paper" | "inputSize" | "leastSize" | "preprocess" | "published"
> {
  /** Options beyond those that all have. */
  readonly ownOptions: readonly string[];
  readonly build: Build<Options>;
  /** The network without elements in its parameters: to be looked at, or filled by `loadModel`. Nothing is drawn. */
  outline(options?: Options): Network;
}

/** The architecture of a definition. */
export function architecture<Options extends ArchitectureOptions>(
  definition: Definition<Options>,
): Architecture<Options> {
  const { name, own = {}, ...rest } = definition;
  const options = schema({ ...spec, ...own, ...weightsSpec });
  const make = (given: Partial<ArchitectureOptions> = {}, initialize = true): unknown => {
    // Schemas take null for an option that is left out.
    const isLinear = given?.classifierActivation === null;
    const settings = options.read(
      name,
      isLinear ? { ...given, classifierActivation: "linear" } : given,
    ) as unknown as Options & WeightsOptions;
    return settings.weights === undefined
      ? build(definition, settings, initialize)
      : pretrained(definition, settings);
  };
  return {
    ...rest,
    name,
    ownOptions: Object.keys(own),
    build: ((given) => make(given)) as Build<Options>,
    outline: (given) => make(given, false) as Network,
  };
}

/** The network of a definition with weights from a file. */
async function pretrained<Options extends ArchitectureOptions>(
  definition: Definition<Options>,
  options: Options & WeightsOptions,
): Promise<Network> {
  const { name, publishedOptions } = definition;
  const { weights } = options;
  if (weights !== "imagenet") {
    const isPublished = isNamedLike(weights, definition.published?.({} as Options));
    const own = isPublished ? completed(options, publishedOptions) : options;
    return withWeights(name, build(definition, own, false), undefined, options);
  }
  const published = definition.published?.(options);
  const own = completed(options, publishedOptions);
  const model = build(definition, own, false);
  const { inputShape: _shape, classes: _classes, ...rest } = own;
  const { parameterCount } = build(definition, rest as unknown as Options, false);
  if (parameterCount !== model.parameterCount)
    throw new ArgumentError(
      complaint(
        `${name}: weights: "imagenet"`,
        `a network of ${parameterCount} parameters, as the published weights are for`,
        `${model.parameterCount}`,
        "Leave out classes and inputShape, or the top with includeTop: false.",
      ),
    );
  return withWeights(name, model, published, options);
}

/** Options, and others where they leave something open. */
function completed<Options extends object>(options: Options, others: object = {}): Options {
  const open = Object.entries(others).filter(
    ([name]) => (options as Record<string, unknown>)[name] === undefined,
  );
  return { ...options, ...Object.fromEntries(open) };
}

/** Whether a path or URL ends in the published file's name, with or without the top. */
function isNamedLike(weights: unknown, published: PublishedFile | undefined): boolean {
  const path = typeof weights === "string" || weights instanceof URL ? String(weights) : "";
  const stem = published?.name.replace(/\.h5$/, "");
  const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  return stem !== undefined && (name === `${stem}.h5` || name === `${stem}_notop.h5`);
}
