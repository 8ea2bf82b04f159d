/** @file A network as a function from altered pictures to the probability of a class. */
import { inline } from "../../autodiff/index.ts";
import { jit } from "../../compile/jit.ts";
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import { formatShape } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";
import { ExplainError } from "../errors.ts";
import { type Network, tracePass } from "../network/pass.ts";
import { programsOf } from "../network/programs.ts";
import type { Case } from "./subject.ts";

/**
 * Shows pictures to a network: those of the cases, at most `size`, each changed by `alter`. Gives the probability of each case's
 * class, or the network's output itself where it is a single number.
 */
export type Scorer = (
  cases: readonly Case[],
  size: number,
  alter: (index: number, pixels: Float32Array) => void,
) => Float64Array;

/** A scorer of cases of one size. Throws errors naming `who`. */
export function scorerOf(who: string, network: Network, cases: readonly Case[]): Scorer {
  const { rows, columns, channels } = cases[0]!;
  const odd = cases.find(
    (one) => one.rows !== rows || one.columns !== columns || one.channels !== channels,
  );
  if (odd !== undefined)
    throw new ShapeError(
      complaint(
        `${who}: subjects`,
        "pictures of one size",
        `${formatShape([rows, columns, channels])} and ${formatShape([odd.rows, odd.columns, odd.channels])}`,
      ),
    );
  const area = rows * columns * channels;
  return (batch, size, alter) => {
    const shape = [size, rows, columns, channels];
    const { pass, run } = programsOf(network).get(["judge", shape], () =>
      programOf(who, network, shape),
    );
    const beyond = batch.find(({ classIndex }) => classIndex >= pass.classCount);
    if (beyond !== undefined)
      throw new ArgumentError(
        complaint(
          `${who}: classIndex`,
          `one of ${pass.classCount} classes`,
          String(beyond.classIndex),
        ),
      );
    const pixels = new Float32Array(size * area);
    const classes = new Int32Array(size);
    for (let index = 0; index < size; index++) {
      // A last batch that is not full shows its first picture again: programs are made for one size.
      const one = batch[index] ?? batch[0]!;
      const own = pixels.subarray(index * area, (index + 1) * area);
      own.set(one.pixels);
      classes[index] = one.classIndex;
      if (index < batch.length) alter(index, own);
    }
    const values = run(
      new Tensor({ shape, dtype: "float32" }, pixels),
      new Tensor({ shape: [size, 1], dtype: "int32" }, classes),
    ).elements!;
    return Float64Array.from(batch, ({ classIndex }, index) => {
      const value = values[index]!;
      if (!Number.isFinite(value))
        throw new ExplainError(
          complaint(`${who}: network`, "finite outputs", `${value} for class ${classIndex}`),
        );
      return value;
    });
  };
}

/** The compiled forward pass up to the probability of each picture's class. */
function programOf(
  who: string,
  network: Network,
  shape: readonly number[],
): {
  readonly pass: ReturnType<typeof tracePass>;
  readonly run: (images: Tensor, classes: Tensor) => Tensor;
} {
  const pass = tracePass(who, network, {
    shape,
    dtype: "float32",
    classesEach: 1,
    score: "probability",
    target: undefined,
    output: undefined,
  });
  const run = jit(
    (images: Tensor, classes: Tensor) =>
      inline(pass.graph, [images, classes, ...pass.captured])[0]!,
  );
  return { pass, run };
}
