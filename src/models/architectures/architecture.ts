/** @file Networks by name: with weights that are drawn, or come from a file. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import type { PublishedFile } from "../pretrained/published.ts";
import { type WeightsOptions, withWeights } from "../pretrained/weights-options.ts";
import { build } from "./build.ts";
import type { ArchitectureOptions, Definition, Network } from "./definition.ts";

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
  "name" | "paper" | "inputSize" | "leastSize" | "preprocess" | "ownOptions" | "published"
> {
  readonly build: Build<Options>;
  /** The network without elements in its parameters: to be looked at, or filled by `loadModel`. Nothing is drawn. */
  outline(options?: Options): Network;
}

const optionNames: readonly (keyof ArchitectureOptions | keyof WeightsOptions)[] = [
  "inputShape",
  "includeTop",
  "classes",
  "classifierActivation",
  "pooling",
  "dtype",
  "seed",
  "name",
  // What is said of weights.
  "weights",
  "signal",
  "onProgress",
];

/** The architecture of a definition. */
export function architecture<Options extends ArchitectureOptions>(
  definition: Definition<Options>,
): Architecture<Options> {
  const { name, ownOptions = [] } = definition;
  const make = (
    options: Options & Partial<WeightsOptions> = {} as Options,
    initialize = true,
  ): unknown => {
    checkOptions(name, options, [...optionNames, ...ownOptions]);
    return options.weights === undefined
      ? build(definition, options, initialize)
      : pretrained(definition, options as Options & WeightsOptions);
  };
  return {
    ...definition,
    build: ((options) => make(options)) as Build<Options>,
    outline: (options) => make(options, false) as Network,
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
    const own = isPublished ? { ...publishedOptions, ...options } : options;
    return withWeights(name, build(definition, own, false), undefined, options);
  }
  const published = definition.published?.(options);
  const own = { ...publishedOptions, ...options };
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

/** Whether a path or URL ends in the published file's name, with or without the top. */
function isNamedLike(weights: unknown, published: PublishedFile | undefined): boolean {
  const path = typeof weights === "string" || weights instanceof URL ? String(weights) : "";
  const stem = published?.name.replace(/\.h5$/, "");
  const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  return stem !== undefined && (name === `${stem}.h5` || name === `${stem}_notop.h5`);
}
