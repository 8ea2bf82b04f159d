/** @file Keras' names of activations. */
import { complaint, describe } from "../../base/errors.ts";
import { type Activation, activations } from "../../nn/activations.ts";
import type { AnyLayer } from "../../nn/layer.ts";
import { FormatError } from "../errors.ts";
import { objectOf } from "../json.ts";
import { snakeName } from "../names.ts";

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
