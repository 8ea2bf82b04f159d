/** @file Keras' description of a network in JSON as a network of ours: that of Keras 2 and 3, and of TensorFlow.js. */
import { AdjointError, complaint, describe } from "../../base/errors.ts";
import { Model } from "../../nn/graph/model.ts";
import type { AnyLayer } from "../../nn/layer.ts";
import { Sequential } from "../../nn/layers/sequential.ts";
import { FormatError } from "../errors.ts";
import type { LoadedModel, ReadOptions } from "../format.ts";
import { type JsonObject, arrayOf, objectOf, textOf } from "../json.ts";
import { activationFrom, baseOptions, closedShape, sampleShape } from "./settings.ts";
import { readFunctional } from "./functional.ts";
import { checkSettings, classOf } from "./classes.ts";

/** Models within models: more than anyone nests. */
const deepest = 32;
/** Layers in all. */
const most = 100_000;

/** What all layers of a file are read with. */
interface Context {
  readonly file: string;
  readonly major: number;
  /** The shape of a sample where the file leaves it open; for the outermost network only. */
  readonly inputShape: ReadOptions["inputShape"];
  readonly depth: number;
  readonly count: { layers: number };
}

/**
 * The network that Keras describes, whose parameters are yet to be filled. Throws FormatError naming the file and the layer for
 * layers and settings that are not supported, for what makes no sense, and for inputs whose shape is open.
 */
export function readTopology(
  file: string,
  topology: unknown,
  { inputShape }: Pick<ReadOptions, "inputShape"> = {},
): LoadedModel {
  const outer = objectOf(`${file}: topology`, topology);
  const inner = objectOf(`${file}: topology`, outer["model_config"] ?? outer);
  const major = versionOf(inner["keras_version"] ?? outer["keras_version"], inner);
  const context: Context = { file, major, inputShape, depth: 0, count: { layers: 0 } };
  const model = readLayer(`${file}: topology`, inner, context);
  if (!(model instanceof Model || model instanceof Sequential))
    throw new FormatError(
      complaint(`${file}: topology`, "a Functional or Sequential network", model.className),
    );
  if (model.inputShape === undefined)
    throw new FormatError(
      complaint(
        `${file}: ${model.label}`,
        "a shape of inputs",
        "none",
        "Say it: loadModel(file, { inputShape: [224, 224, 3] }).",
      ),
    );
  return model as LoadedModel;
}

/** The major version of Keras that wrote a description: what it says, or how it says it. */
function versionOf(version: unknown, topology: JsonObject): number {
  const major = typeof version === "string" ? /^(\d+)\./.exec(version)?.[1] : undefined;
  if (major !== undefined) return Number(major);
  return "registered_name" in topology ? 3 : 2;
}

/** One layer, or a network as a layer. */
function readLayer(place: string, serialized: unknown, context: Context): AnyLayer {
  const { class_name: given, config: settings, name } = objectOf(place, serialized);
  const className = textOf(`${place}: class_name`, given);
  if (++context.count.layers > most || context.depth > deepest)
    throw new FormatError(
      complaint(place, `at most ${most} layers, ${deepest} deep`, "more", "The file is damaged."),
    );
  const inside = { ...context, depth: context.depth + 1 };
  // Keras 2.1 and before: a Sequential's configuration is the list of its layers.
  const config = Array.isArray(settings)
    ? { layers: settings }
    : objectOf(`${place}: config`, settings ?? {});
  const own = config["name"] ?? name;
  const where = typeof own === "string" ? `${context.file}: layer ${describe(own)}` : place;
  const made = within(`${where} (${className.slice(0, 60)})`, () => {
    if (className === "Sequential") return readSequential(where, config, inside);
    if (className === "Functional" || className === "Model")
      return readFunctional(where, config, {
        inputShape: context.depth === 0 ? context.inputShape : undefined,
        layer: (at, layer) => readLayer(at, layer, inside),
      });
    const entry = classOf(where, className);
    checkSettings(where, entry, config);
    return entry.read(config, {
      place: where,
      major: context.major,
      base: baseOptions(where, own, config),
      layer: (what, layer) => readLayer(`${where}: ${what}`, layer, inside),
      activation: (what, activation) =>
        activationFrom(`${where}: ${what}`, activation, context.major, (layer) =>
          readLayer(`${where}: ${what}`, layer, inside),
        ),
    });
  });
  if (config["aliases"] !== undefined)
    made.aliases = arrayOf(`${where}: aliases`, config["aliases"]).map((alias) =>
      textOf(`${where}: aliases`, alias),
    );
  return made;
}

function readSequential(place: string, config: JsonObject, context: Context): AnyLayer {
  const layers: AnyLayer[] = [];
  let shape: readonly (number | null)[] | undefined;
  for (const [index, item] of arrayOf(`${place}: layers`, config["layers"]).entries()) {
    const at = `${place}: layers[${index}]`;
    const { class_name: className, config: inner } = objectOf(at, item);
    const own = objectOf(`${at}: config`, Array.isArray(inner) ? {} : (inner ?? {}));
    shape ??= index === 0 ? sampleShape(at, own) : undefined;
    if (className !== "InputLayer") layers.push(readLayer(at, item, context));
    else if (index > 0)
      throw new FormatError(complaint(at, "an input as the first layer", "one after others"));
  }
  const built = config["build_input_shape"];
  shape ??= sampleShape(place, { batch_shape: built });
  const open = shape === undefined || shape.includes(null);
  const known = open && context.depth === 1 ? (context.inputShape ?? shape) : shape;
  return new Sequential(layers as never, {
    ...baseOptions(place, config["name"], config),
    ...(known !== undefined && { inputShape: closedShape(place, known) }),
  });
}

/** What layers themselves complain about, with the place. */
function within<T>(place: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    if (cause instanceof AdjointError || cause instanceof RangeError || cause instanceof TypeError)
      throw new FormatError(`${place}: ${cause.message}`, { cause });
    throw cause;
  }
}
