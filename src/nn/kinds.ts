/** @file The kinds of values that layers' options take: those of all options, and those of nn alone. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { kind, nameOr } from "../base/kinds.ts";
import type { Failure, Kind } from "../base/options.ts";
import type { Pair } from "../ir/conv.ts";
import { type Shape, formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { type Activation, type ActivationName, activations } from "./activations.ts";
import { type Initializer, type InitializerName, initializers } from "./initializers.ts";

export * from "../base/kinds.ts";

/** A value for messages: arrays with their elements. */
function shown(value: unknown): string {
  if (!Array.isArray(value)) return describe(value);
  const text = JSON.stringify(value).replaceAll(",", ", ");
  return text.length > 80 ? describe(value) : text;
}

/** A kind from a function that finds the value that was meant, or undefined if the kind does not accept it. */
function reading<Given, Value>(
  expected: string,
  find: (given: unknown) => Value | undefined,
  hint?: string,
): Kind<Given, Value> {
  return {
    expected,
    read(who, given, Fails) {
      const value = find(given);
      if (value === undefined) throw new Fails(complaint(who, expected, shown(given), hint));
      return value;
    },
  };
}

const isInteger =
  (least: number) =>
  (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= least;

/** An activation: a function that keeps shapes, or the name of one. */
export const activation: Kind<ActivationName | Activation, Activation> = nameOr<
  Activation,
  ActivationName
>(activations, "a function", (given) => typeof given === "function");

/** The function for a name, or the function given. Throws `Fails` naming `who` and the known names. */
export function activationOf(
  who: string,
  given: unknown,
  Fails: Failure = ArgumentError,
): Activation {
  return activation.read(who, given, Fails);
}

/** An initialiser: a function of a key, a shape and a dtype, or the name of one. */
export const initializer: Kind<InitializerName | Initializer, Initializer> = nameOr<
  Initializer,
  InitializerName
>(initializers, "a function", (given) => typeof given === "function");

/** One number for rows and columns, or one for each. */
export type PairOption = number | Pair;

/** The kind of [rows, columns], integers of at least `least`; one number is read as both. */
export function pair(least: number): Kind<PairOption, Pair> {
  return reading(`an integer of at least ${least}, or [rows, columns] of such`, (given) => {
    const both: unknown = typeof given === "number" ? [given, given] : given;
    return Array.isArray(both) && both.length === 2 && both.every(isInteger(least))
      ? Object.freeze([both[0] as number, both[1] as number] as const)
      : undefined;
  });
}

/** Widths of the borders of an image: one number, [rows, columns], or [[top, bottom], [left, right]]. */
export type BordersOption = PairOption | readonly [Pair, Pair];

/** [[top, bottom], [left, right]], which may also be given as one number or as [rows, columns]. */
export const borders: Kind<BordersOption, readonly [Pair, Pair]> = reading(
  "an integer of at least 0, [rows, columns], or [[top, bottom], [left, right]]",
  (given) => {
    const sides: unknown = typeof given === "number" ? [given, given] : given;
    if (!Array.isArray(sides) || sides.length !== 2) return undefined;
    const pairs = sides.map((side: unknown) => (typeof side === "number" ? [side, side] : side));
    return pairs.every(isWidths) ? (pairs as unknown as [Pair, Pair]) : undefined;
  },
);

/** Whether a value is two widths, before and after. */
function isWidths(value: unknown): value is Pair {
  return Array.isArray(value) && value.length === 2 && value.every(isInteger(0));
}

/** [before, after] for each axis of a sample. */
export const widths: Kind<readonly Pair[]> = reading(
  "[before, after] for each axis, integers of at least 0",
  (given) =>
    Array.isArray(given) && given.every(isWidths)
      ? given.map(([before, after]) => [before, after] as const)
      : undefined,
);

/**
 * Borders around an image: none ("valid"), as many pixels as keep its extent at stride 1, an odd one at the end ("same"), or
 * [[top, bottom], [left, right]] (which Keras lacks, and networks of other frameworks need). Convolutions read zeros there, and
 * pooling passes over them.
 */
export type PaddingOption = "valid" | "same" | readonly [Pair, Pair];

/** Borders around an image, read as they are: "valid", "same", or [[top, bottom], [left, right]] in pixels. */
export const padding: Kind<PaddingOption> = reading(
  `"valid", "same" or [[top, bottom], [left, right]]`,
  (given) => {
    if (given === "valid" || given === "same") return given;
    const isPairs = Array.isArray(given) && given.length === 2 && given.every(isWidths);
    return isPairs ? (given as unknown as PaddingOption) : undefined;
  },
);

/** The order of axes that images have here: [batch, rows, columns, channels]. */
export const channelsLast: Kind<"channelsLast"> = kind(
  `"channelsLast"`,
  (given) => given === "channelsLast",
  {
    hint: "Bring channels last: x.transpose([0, 2, 3, 1]), or permute({ dims: [2, 3, 1] }) as the first layer.",
  },
);

/** An axis of a batch of samples: 0 is the batch, 1 the first axis of a sample, -1 the last. */
export const axis: Kind<number> = kind(
  "an axis other than 0, the batch",
  (given) => Number.isInteger(given) && given !== 0,
);

/** One axis, or several. */
export const axes: Kind<number | readonly number[]> = reading(
  "an axis, or an array of axes",
  (given) => {
    if (Number.isInteger(given)) return given as number;
    return Array.isArray(given) && given.every(Number.isInteger)
      ? ([...given] as number[])
      : undefined;
  },
);

/** Integers of at least `least`, one for each axis of a sample. */
export function perAxis(least: number): Kind<readonly number[]> {
  return reading(
    `an array of integers of at least ${least}, one for each axis`,
    (given): readonly number[] | undefined =>
      Array.isArray(given) && given.every(isInteger(least)) ? [...given] : undefined,
  );
}

/** A number, or one number for each channel (the last axis). */
export const numberPerChannel: Kind<number | readonly number[]> = reading(
  "a finite number, or an array of them (one for each channel)",
  (given): number | readonly number[] | undefined => {
    if (Number.isFinite(given)) return given as number;
    return Array.isArray(given) && given.length > 0 && given.every(Number.isFinite)
      ? ([...given] as number[])
      : undefined;
  },
);

/** Extents of which some may be left to the input (null). */
export const openExtents: Kind<readonly (number | null)[]> = reading(
  "extents, null for those of the input",
  (given) =>
    Array.isArray(given) && given.every((extent) => extent === null || isInteger(1)(extent))
      ? (given as readonly (number | null)[])
      : undefined,
);

/** A shape that is checked where it is used. */
export const uncheckedShape: Kind<Shape> = kind("the shape of one sample", () => true);

/** Extents of which one may be -1: what the others leave of the elements. */
export const targetExtents: Kind<Shape> = reading(
  "an array of positive integers, at most one of them -1",
  (given): Shape | undefined =>
    Array.isArray(given) &&
    given.every((extent) => extent === -1 || isInteger(1)(extent)) &&
    given.filter((extent) => extent === -1).length <= 1
      ? [...given]
      : undefined,
);

/** The axes 1 to n of a sample in some order. */
export const axisOrder: Kind<readonly number[]> = {
  expected: "the axes 1 to n of a sample, each once, in any order",
  read(who: string, given: unknown, Fails: Failure) {
    const isOrder =
      Array.isArray(given) &&
      !given.toSorted((a, b) => a - b).some((place, index) => place !== index + 1);
    if (isOrder) return [...(given as number[])];
    throw new Fails(
      complaint(
        who,
        this.expected,
        Array.isArray(given) ? formatShape(given) : describe(given),
        "The batch, axis 0, stays where it is.",
      ),
    );
  },
};

/** The dtype of parameters. */
export const floatDType: Kind<"float32" | "float64"> = kind(
  "float32 or float64",
  (given) => given === "float32" || given === "float64",
);

/** A random key, int32 [2]. */
export const randomKey: Kind<Tensor> = kind(
  "a random key (random.key(seed))",
  (given) => given instanceof Tensor && given.dtype === "int32" && sameShape(given.shape, [2]),
);
