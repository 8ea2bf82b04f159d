/** @file The likeliest classes, by name. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { formatShape, sizeOf } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";

/** A class and how likely it is. */
export interface Prediction {
  readonly classIndex: number;
  readonly className: string;
  readonly probability: number;
}

/** Options of `decodePredictions`. */
export interface DecodePredictionsOptions {
  /** How many classes: 5 unless given, and never more than there are. */
  readonly top?: number;
  /** A name for every class, from `parseClassNames` or anywhere else; "class 7" and the like unless given. */
  readonly classNames?: readonly string[];
}

/**
 * The `top` classes of one picture, the likeliest first; of equal ones the lower index. `probabilities` is what the network gave for it:
 * numbers, or a tensor [C] or [1, C]. Throws ShapeError for other shapes, ArgumentError for NaN, or names that are not as many as the classes.
 */
export function decodePredictions(
  probabilities: Tensor | ArrayLike<number>,
  options: DecodePredictionsOptions = {},
): Prediction[] {
  checkOptions("decodePredictions", options, ["top", "classNames"]);
  const { top = 5, classNames } = options;
  const values = probabilities instanceof Tensor ? rowOf(probabilities) : probabilities;
  if (!Number.isSafeInteger(top) || top < 1)
    throw new ArgumentError(
      complaint("decodePredictions: top", "a number of classes, 1 or more", describe(top)),
    );
  if (classNames !== undefined && classNames.length !== values.length)
    throw new ArgumentError(
      complaint(
        "decodePredictions: classNames",
        `${values.length} names, one for each class`,
        `${classNames.length}`,
      ),
    );
  const classes = Array.from({ length: values.length }, (_, classIndex) => classIndex);
  const unknown = classes.find((c) => Number.isNaN(values[c]!));
  if (unknown !== undefined)
    throw new ArgumentError(
      complaint(
        `decodePredictions: class ${unknown}`,
        "a probability",
        "NaN",
        "Are the weights and the picture finite?",
      ),
    );
  return classes
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, top)
    .map((classIndex) => ({
      classIndex,
      className: classNames?.[classIndex] ?? `class ${classIndex}`,
      probability: values[classIndex]!,
    }));
}

function rowOf(probabilities: Tensor): ArrayLike<number> {
  const { shape } = probabilities;
  if (shape.length < 1 || sizeOf(shape) !== shape.at(-1))
    throw new ShapeError(
      complaint(
        "decodePredictions",
        "the probabilities of one picture, [C] or [1, C]",
        formatShape(shape),
        "Take one row of a batch at a time.",
      ),
    );
  return probabilities.data();
}
