/** @file What configurations of all layers have: name, dtype, whether they are trainable, shapes of samples. */
import { type DType, dtypes } from "../../ir/dtype.ts";
import { complaint, describe } from "../../base/errors.ts";
import type { LayerOptions } from "../../nn/layer.ts";
import { FormatError } from "../errors.ts";
import { type JsonObject, arrayOf } from "../json.ts";

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

/** A dtype, or the policy of one, as one of ours; float32 where there is none. Throws FormatError for others. */
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
