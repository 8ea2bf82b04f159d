/** @file Inputs of a file's graph: their shapes, and whether their channels come last already. */
import { complaint } from "../../../../base/errors.ts";
import { type Shape, formatShape } from "../../../../ir/shape.ts";
import { input } from "../../../../nn/index.ts";
import { FormatError } from "../../../errors.ts";
import { type Builder, checkExtents } from "./builder.ts";
import { elementTypeOf, isFloatType } from "./constant.ts";
import type { OnnxFile } from "./file.ts";
import type { NodeProto, ValueProto } from "./messages.ts";
import { type Signal, sampleOf, usualOrder } from "./signal.ts";

/** Operators behind which images lie as they lay before. */
const passing = new Set(["Identity", "Cast", "Add", "Sub", "Mul", "Div", "Dropout", "Clip"]);

/**
 * Whether images come in as [N, H, W, C]: networks from TensorFlow, and our own, transpose them first, or reshape those of one
 * channel.
 */
function isChannelsLast(
  { name, dims }: ValueProto,
  takers: ReadonlyMap<string, readonly NodeProto[]>,
): boolean {
  const [, rows, columns, channels] = dims ?? [];
  const looksSo = [rows, columns].every((extent) => (extent ?? 5) > 4) && (channels ?? 5) <= 4;
  const seen = new Set([name]);
  for (const value of seen)
    for (const node of takers.get(value) ?? []) {
      if (node.operator === "Transpose")
        return node.attributes.get("perm")?.ints.join() === "0,3,1,2";
      if (node.operator === "Reshape") return looksSo;
      if (passing.has(node.operator)) for (const output of node.outputs) seen.add(output);
    }
  return false;
}

/** The inputs that are no initializers. */
export function realInputs({ inputs, initializers }: OnnxFile): ValueProto[] {
  const given = new Set(initializers.map(({ name }) => name));
  return inputs.filter(({ name }) => !given.has(name));
}

/** The batch that the file declares: 1 where it leaves it open. */
export function batchOf(who: string, inputs: readonly ValueProto[]): number {
  const batches = new Set(
    inputs.map(({ dims }) => dims?.[0]).filter((extent) => extent !== undefined && extent > 0),
  );
  if (batches.size > 1)
    throw new FormatError(
      complaint(who, "inputs of one batch", [...batches].join(" and "), "Axis 0 is the batch."),
    );
  const [batch = 1] = batches;
  return batch;
}

/** Makes an input layer. `inputShape` is that of a sample, channels last. */
export function applyInput(
  who: string,
  builder: Builder,
  proto: ValueProto,
  batch: number,
  inputShape: Shape | undefined,
  takers: ReadonlyMap<string, readonly NodeProto[]>,
): Signal {
  const { name, dims, type, parameters } = proto;
  const place = `${who}: input ${JSON.stringify(name)}`;
  const elementType = elementTypeOf(place, type);
  if (!isFloatType(elementType))
    throw new FormatError(
      complaint(place, "an input of a float type", elementType, "Export the network with one."),
    );
  const rank = dims?.length ?? (inputShape === undefined ? 0 : inputShape.length + 1);
  if (rank < 2 || rank > 8)
    throw new FormatError(
      complaint(
        place,
        "a batch of samples, such as [N, C, H, W]",
        dims === undefined ? "no shape" : `${rank} axes`,
        dims === undefined ? "Give inputShape: [rows, columns, channels]." : undefined,
      ),
    );
  const order = rank === 4 && isChannelsLast(proto, takers) ? [0, 1, 2, 3] : usualOrder(rank);
  const declared = Array.from({ length: rank }, (_, axis) => {
    const extent = dims?.[axis];
    return extent !== undefined && extent > 0 ? extent : undefined;
  });
  const sample = order.slice(1).map((axis) => declared[axis]);
  const shown = `[${sample.map((extent) => extent ?? "?").join(", ")}]`;
  if (inputShape === undefined && sample.includes(undefined))
    throw new FormatError(
      complaint(
        place,
        "a shape in numbers, but for the batch",
        `${shown} (channels last)${parameters.length > 0 ? `, with ${parameters.join(", ")} open` : ""}`,
        "Give inputShape, such as [224, 224, 3].",
      ),
    );
  if (
    inputShape !== undefined &&
    (inputShape.length !== rank - 1 ||
      sample.some((extent, axis) => extent !== undefined && extent !== inputShape[axis]))
  )
    throw new FormatError(
      complaint(`${place}: inputShape`, `${shown}, as the file has it`, formatShape(inputShape)),
    );
  const shape = Array.from({ length: rank }, () => batch);
  for (const [position, axis] of order.entries())
    if (position > 0) shape[axis] = inputShape?.[position - 1] ?? declared[axis]!;
  checkExtents(place, shape);
  const symbol = input({
    shape: sampleOf(shape, order),
    dtype: builder.dtype,
    ...(name !== "" && { name: builder.nameOf(name) }),
  });
  return { symbol, type: elementType, shape, order };
}
