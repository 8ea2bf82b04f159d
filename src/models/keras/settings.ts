/** @file What configurations of all layers have (name, dtype, whether they are trainable, shapes of samples), and activations. */
import { type DType, dtypes } from "../../ir/dtype.ts";
import { complaint, describe } from "../../base/errors.ts";
import type { LayerOptions, AnyLayer } from "../../nn/layer.ts";
import { FormatError } from "../errors.ts";
import { type JsonObject, arrayOf, objectOf } from "../json.ts";
import { type Activation, activations } from "../../nn/activations.ts";
import { snakeName } from "../names.ts";

/** The options that all layers share; parameters are yet to be filled. Reduced precision is that of memory, not of meaning: it becomes float32. */
export function baseOptions(place: string, name: unknown, config: JsonObject): LayerOptions {
  const dtype = dtypeOf(place, config["dtype"]);
  return {
    initialize: false,
    ...(name !== undefined && name !== null && { name: name as string }),
    ...(dtype === "float64" && { dtype }),
    ...(config["trainable"] === false && { trainable: false }),
  };
}

/** Names of dtypes that have no tensors of their own. */
const nearest: Readonly<Record<string, DType>> = {
  float16: "float32",
  bfloat16: "float32",
  mixed_float16: "float32",
  mixed_bfloat16: "float32",
  int8: "int32",
  int16: "int32",
  int64: "int32",
  uint8: "int32",
  uint16: "int32",
  uint32: "int32",
};

/** A dtype, or the policy of one, as one of ours; float32 where none is given. Throws FormatError for others. */
export function dtypeOf(place: string, given: unknown): DType {
  if (given === undefined || given === null) return "float32";
  const policy = (given as { readonly config?: { readonly name?: unknown } }).config?.name ?? given;
  if (typeof policy === "string") {
    if (dtypes.includes(policy as DType)) return policy as DType;
    if (Object.hasOwn(nearest, policy)) return nearest[policy]!;
  }
  throw new FormatError(
    complaint(
      `${place}: dtype`,
      `one of ${[...dtypes, ...Object.keys(nearest)].join(", ")}`,
      describe(policy),
    ),
  );
}

/** The shape of one sample (Keras counts the batch, null) with null where it is open; undefined where none is given. */
export function sampleShape(
  place: string,
  config: JsonObject,
): readonly (number | null)[] | undefined {
  const given = config["batch_input_shape"] ?? config["batch_shape"];
  if (given === undefined || given === null) return undefined;
  const [, ...sample] = arrayOf(`${place}: batch_shape`, given);
  const isShape = sample.every(
    (extent) => extent === null || (Number.isSafeInteger(extent) && (extent as number) > 0),
  );
  if (isShape) return sample as (number | null)[];
  throw new FormatError(
    complaint(`${place}: batch_shape`, "extents", JSON.stringify(given).slice(0, 80)),
  );
}

/** The shape of a sample without open extents. Throws FormatError saying how to give it. */
export function closedShape(place: string, shape: readonly (number | null)[]): readonly number[] {
  if (!shape.includes(null)) return shape as readonly number[];
  throw new FormatError(
    complaint(
      place,
      "inputs of known shape",
      `[${shape.map((extent) => extent ?? "?").join(", ")}]`,
      "Say it: loadModel(file, { inputShape: [224, 224, 3] }).",
    ),
  );
}

/** eˣ */
const exponential: Activation = (x) => x.exp();

/** min(max(x / 5 + 1/2, 0), 1): what hard_sigmoid was before Keras 3. */
const hardSigmoidOfKeras2: Activation = (x) => x.mul(0.2).add(0.5).clip(0, 1);

/** Activations by Keras' names; several names may belong to one, of which the first is written. */
const named: Readonly<Record<string, Activation>> = {
  ...Object.fromEntries(
    Object.entries(activations).map(([name, activation]) => [snakeName(name), activation]),
  ),
  exponential,
  hard_sigmoid_keras2: hardSigmoidOfKeras2,
  swish: activations.silu,
  hard_swish: activations.hardSilu,
};

/** The names that are read. */
export const activationNames: readonly string[] = Object.keys(named).filter(
  (name) => name !== "hard_sigmoid_keras2",
);

/** The activation of a name in a file of some major version of Keras. Throws FormatError naming `who` and the known names. */
function activationOfName(who: string, name: unknown, major: number): Activation {
  if (name === "hard_sigmoid" && major < 3) return hardSigmoidOfKeras2;
  if (typeof name === "string" && Object.hasOwn(named, name)) return named[name]!;
  throw new FormatError(
    complaint(who, `one of the activations ${activationNames.join(", ")}`, describe(name)),
  );
}

/** Keras' name of an activation, or undefined for functions of one's own. */
function nameOfActivation(activation: Activation): string | undefined {
  return Object.keys(named).find((name) => named[name] === activation);
}

/** What activations that are layers were read from, so that they can be written again. */
const sources = new WeakMap<Activation, unknown>();

/**
 * An activation as files have it: a name, `{ class_name: "function", config: name }`, or a layer such as ReLU with its settings,
 * which `layer` reads. Throws FormatError naming `who`.
 */
export function activationFrom(
  who: string,
  serialized: unknown,
  major: number,
  layer: (serialized: unknown) => AnyLayer,
): Activation {
  if (typeof serialized === "string") return activationOfName(who, serialized, major);
  const { class_name: className, config } = objectOf(who, serialized);
  if (className === "function") return activationOfName(who, config, major);
  const made = layer(serialized);
  if (made.parameters().length > 0 || made.computeOutputShape([1])[0] !== 1)
    throw new FormatError(complaint(who, "an activation", describe(className)));
  const activation: Activation = (x) => made.forward(x);
  sources.set(activation, serialized);
  return activation;
}

/** An activation as files have it, or undefined for functions of one's own. */
export function serializedActivation(activation: Activation): unknown {
  return nameOfActivation(activation) ?? sources.get(activation);
}
