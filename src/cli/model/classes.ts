// What a network says about a picture: probabilities of classes, and what the classes are called.
import type { Tensor } from "../../index.ts";
import { DownloadError, imagenetClassNames, parseClassNames } from "../../models/index.ts";
import { WorkError } from "../errors.ts";
import { readText } from "../files.ts";

/** Largest file of names. */
const cap = 2 ** 24;

/**
 * Probabilities from a network's output [1, C]. What is no distribution becomes one by softmax; a single number from 0 to 1 is the
 * probability of the second of two classes.
 * @throws WorkError for outputs that are no scores of classes
 */
export function probabilitiesOf(output: unknown): {
  readonly probabilities: Tensor;
  readonly isSoftmax: boolean;
} {
  const { shape } = output as Partial<Tensor>;
  if (shape === undefined || shape.length < 2 || shape.slice(1, -1).some((n) => n !== 1))
    throw new WorkError(
      shape === undefined
        ? "the network has several outputs, and no single one that names classes"
        : `the network does not classify: expected scores [classes], got an output [${shape.slice(1).join(", ")}]`,
    );
  const scores = (output as Tensor).reshape([shape.at(-1)!]);
  const values = [...scores.data()];
  if (!values.every(Number.isFinite))
    throw new WorkError("the network gives scores that are not finite; are its weights right?");
  const within = values.every((value) => value >= 0 && value <= 1 + 1e-6);
  if (values.length === 1) {
    const p = within ? scores : scores.sigmoid();
    return { probabilities: p.neg().add(1).concat([p], 0), isSoftmax: !within };
  }
  const sum = values.reduce((total, value) => total + value, 0);
  if (within && Math.abs(sum - 1) < 1e-3) return { probabilities: scores, isSoftmax: false };
  const exponentials = scores.sub(scores.max()).exp();
  return { probabilities: exponentials.div(exponentials.sum()), isSoftmax: true };
}

/**
 * Names of so many classes: those of a file, or ImageNet's where there are 1000. `note` says why there are none.
 * @throws WorkError or FormatError for files that do not hold as many
 */
export async function classNamesFor(
  count: number,
  file: string | undefined,
): Promise<{ readonly names?: readonly string[]; readonly note?: string }> {
  if (file !== undefined) {
    const names = parseClassNames(await readText(file, cap), file);
    if (names.length === count) return { names };
    throw new WorkError(
      `${file}: expected ${count} names, one for each class, got ${names.length}`,
    );
  }
  if (count !== 1000) return {};
  try {
    return { names: await imagenetClassNames() };
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    return { note: `classes have no names: ${error.message}` };
  }
}
