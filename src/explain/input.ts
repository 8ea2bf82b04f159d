/** @file Images and classes as they are given, checked. */
import { isFloat } from "../ir/dtype.ts";
import { complaint, describe } from "../base/errors.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { tensor } from "../ops/index.ts";
import { ExplainError } from "./errors.ts";
import type { Network } from "./network/pass.ts";
import type { ClassChoice } from "./options.ts";
import { noClass, topClass } from "./network/readout.ts";

/** Images as a batch [N, H, W, channels]. Throws ExplainError naming `who` for what is none, or not the network's. */
export function batchOf(who: string, network: Network, images: unknown): Tensor {
  const isImage =
    images instanceof Tensor &&
    isFloat(images.dtype) &&
    (images.rank === 3 || images.rank === 4) &&
    images.size > 0;
  if (!isImage)
    throw new ExplainError(
      complaint(
        `${who}: image`,
        "a float tensor [height, width, channels], or [N, height, width, channels]",
        images instanceof Tensor ? images.toString() : describe(images),
        "Numbers from 0 to 255 become what the network expects by preprocessing.",
      ),
    );
  if (images.elements === undefined)
    throw new ExplainError(
      complaint(`${who}: image`, "a tensor with elements", "one that is being traced"),
    );
  const batch = images.rank === 3 ? images.expandDims(0) : images;
  const { inputShape } = network as { inputShape?: unknown };
  const [only] = Array.isArray(inputShape) ? (inputShape as unknown[]) : [];
  const expected = (Array.isArray(only) ? only : inputShape) as readonly number[] | undefined;
  if (Array.isArray(only) && (inputShape as unknown[]).length > 1)
    throw new ExplainError(
      complaint(
        who,
        "a network of one input",
        `${(inputShape as unknown[]).length} inputs`,
        "Make one of it that holds the others: a module whose forward(x) calls it.",
      ),
    );
  if (expected !== undefined && !sameShape(expected, batch.shape.slice(1)))
    throw new ExplainError(
      complaint(
        `${who}: image`,
        `${formatShape(expected)}, as the network takes it`,
        formatShape(batch.shape.slice(1)),
        "Resize it first.",
      ),
    );
  return batch;
}

/** Classes of each image as int32 [N, m]. Throws ExplainError naming `who`. */
export function classesOf(who: string, choice: ClassChoice | undefined, batch: number): Tensor {
  const isList = Array.isArray(choice);
  if (isList && choice.length !== batch)
    throw new ExplainError(
      complaint(
        `${who}: classIndex`,
        `a class for each image, ${batch} in all`,
        `a list of ${choice.length}`,
        batch === 1
          ? `For several classes in one image write [[${choice.join(", ")}]].`
          : undefined,
      ),
    );
  const rows = Array.from({ length: batch }, (_, n): readonly unknown[] => {
    const own: unknown = isList ? choice[n] : (choice ?? topClass);
    return Array.isArray(own) ? own : [own];
  });
  const bad = rows
    .flat()
    .find(
      (index) =>
        !Number.isInteger(index) ||
        ((index as number) < 0 && !(choice === undefined && index === topClass)),
    );
  const empty = rows.some((row) => row.length === 0);
  if (bad !== undefined || rows.flat().includes(undefined) || empty)
    throw new ExplainError(
      complaint(
        `${who}: classIndex`,
        "class numbers 0, 1, ...",
        empty ? "an empty list" : describe(bad),
      ),
    );
  const most = Math.max(...rows.map((row) => row.length));
  const padded = rows.flatMap((row) => [
    ...(new Set(row) as Set<number>),
    ...Array<number>(most - new Set(row).size).fill(noClass),
  ]);
  return tensor(Int32Array.from(padded), { shape: [batch, most] });
}
