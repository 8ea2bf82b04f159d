/** @file Tensors out of numbers and nested arrays, constants and ranges. */
import {
  type DType,
  type TypedArray,
  allocate,
  dtypeOfArray,
  dtypes,
  isFloat,
} from "../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import { checkOptions } from "../base/options.ts";
import { type Shape, checkShape, formatShape, sizeOf } from "../ir/shape.ts";
import { type Nested, Tensor } from "../ir/tensor.ts";
import { currentTrace } from "../ir/trace.ts";
import { bind1, requireTensor } from "./bind.ts";

/** What `tensor` accepts: a number, a boolean, nested arrays of them, or a typed array. */
export type TensorData = Nested | TypedArray | readonly TensorData[];

/** Dtype and shape of a new tensor. */
export interface TensorOptions {
  readonly dtype?: DType;
  readonly shape?: Shape;
}

/** Options of tensors that have a shape already. */
export interface DTypeOption {
  readonly dtype?: DType;
}

function checkDType(who: string, dtype: DType): void {
  if (!dtypes.includes(dtype))
    throw new ArgumentError(complaint(who, `a dtype (${dtypes.join(", ")})`, describe(dtype)));
}

/** Throws DTypeError unless a number can be an element of the dtype without loss of meaning. */
export function checkLiteral(who: string, value: number | boolean, dtype: DType): void {
  if (
    dtype === "int32" &&
    (!Number.isInteger(Number(value)) || Number(value) !== (Number(value) | 0))
  )
    throw new DTypeError(
      complaint(
        who,
        "an integer of 32 bits with an int32 tensor",
        String(value),
        'Use cast("float32") on the tensor first.',
      ),
    );
  if (dtype === "bool" && typeof value !== "boolean" && value !== 0 && value !== 1)
    throw new DTypeError(
      complaint(
        who,
        "true or false with a bool tensor",
        String(value),
        "Use cast on the tensor first.",
      ),
    );
}

/**
 * A tensor of the given elements. The dtype is that of a typed array (Uint8Array: bool), bool for booleans and float32 for
 * numbers, unless given; the shape is that of the nesting unless given. The elements are copied.
 * ShapeError for ragged nesting or a shape of another size; DTypeError for elements that the dtype cannot hold.
 */
export function tensor(data: TensorData, options: TensorOptions = {}): Tensor {
  if (data instanceof Tensor)
    throw new ArgumentError(
      complaint("tensor", "numbers", "a tensor", "It is one already; cast changes its dtype."),
    );
  checkOptions("tensor", options, ["dtype", "shape"]);
  if (options.dtype !== undefined) checkDType("tensor", options.dtype);
  if (ArrayBuffer.isView(data)) {
    const given = dtypeOfArray(data);
    if (given === undefined)
      throw new DTypeError(
        complaint(
          "tensor",
          "a Float32Array, Float64Array, Int32Array or Uint8Array",
          describe(data),
          "Convert it first.",
        ),
      );
    return fromFlat(data as TypedArray, [data.length], options.dtype ?? given, options.shape);
  }
  const shape: number[] = [];
  for (
    let level: unknown = data;
    Array.isArray(level) || ArrayBuffer.isView(level);
    level = (level as unknown[])[0]
  )
    shape.push((level as unknown[]).length);
  const flat: (number | boolean)[] = [];
  flattenInto(data, shape, 0, flat);
  const inferred: DType =
    flat.length > 0 && flat.every((element) => typeof element === "boolean") ? "bool" : "float32";
  return fromFlat(flat, shape, options.dtype ?? inferred, options.shape);
}

function flattenInto(data: unknown, shape: Shape, axis: number, flat: (number | boolean)[]): void {
  if (axis === shape.length) {
    if (typeof data !== "number" && typeof data !== "boolean")
      throw Array.isArray(data)
        ? new ShapeError(
            complaint(
              "tensor",
              `nested arrays of shape ${formatShape(shape)}`,
              "deeper nesting in places",
            ),
          )
        : new ArgumentError(
            complaint(
              "tensor",
              "numbers or booleans",
              describe(data),
              data instanceof Tensor ? "Use stack() to join tensors." : undefined,
            ),
          );
    flat.push(data);
    return;
  }
  const list = data as ArrayLike<unknown>;
  if (!(Array.isArray(data) || ArrayBuffer.isView(data)) || list.length !== shape[axis])
    throw new ShapeError(
      complaint(
        "tensor",
        `${shape[axis]} elements at depth ${axis} (as the first row has)`,
        describe(data),
        "Rows must be equally long.",
      ),
    );
  for (let i = 0; i < list.length; i++) flattenInto(list[i], shape, axis + 1, flat);
}

function fromFlat(
  flat: ArrayLike<number | boolean>,
  nested: Shape,
  dtype: DType,
  shape: Shape = nested,
): Tensor {
  checkShape("tensor", shape);
  if (sizeOf(shape) !== flat.length)
    throw new ShapeError(
      complaint(
        "tensor",
        `${sizeOf(shape)} elements for shape ${formatShape(shape)}`,
        String(flat.length),
      ),
    );
  const elements = allocate(dtype, flat.length);
  const whole = dtype === "int32" && !(flat instanceof Int32Array) && !(flat instanceof Uint8Array);
  for (let i = 0; i < flat.length; i++) {
    const value = flat[i]!;
    if (whole) checkLiteral("tensor", value, dtype);
    elements[i] = dtype === "bool" ? Number(Boolean(value)) : Number(value);
  }
  return new Tensor({ shape: [...shape], dtype }, elements);
}

/**
 * A tensor of shape [], float32 (bool for a boolean) unless a dtype is given. Throws ArgumentError for anything but a number or
 * boolean, DTypeError for a value that the dtype cannot hold.
 */
export function scalar(value: number | boolean, options: DTypeOption = {}): Tensor {
  if (typeof value !== "number" && typeof value !== "boolean")
    throw new ArgumentError(complaint("scalar", "a number or boolean", describe(value)));
  return tensor(value, options);
}

/**
 * A tensor of a shape, every element `value`; float32 (bool for a boolean) unless a dtype is given. Throws ShapeError for
 * extents that are not integers of at least 0, ArgumentError for other values and dtypes, DTypeError for a value that the dtype
 * cannot hold.
 */
export function full(shape: Shape, value: number | boolean, options: DTypeOption = {}): Tensor {
  checkOptions("full", options, ["dtype"]);
  if (typeof value !== "number" && typeof value !== "boolean")
    throw new ArgumentError(complaint("full", "a number or boolean", describe(value)));
  const dtype = options.dtype ?? (typeof value === "boolean" ? "bool" : "float32");
  checkDType("full", dtype);
  checkShape("full", shape);
  checkLiteral("full", value, dtype);
  if (currentTrace() === undefined)
    return new Tensor(
      { shape: [...shape], dtype },
      allocate(dtype, sizeOf(shape)).fill(Number(value)),
    );
  return bind1("constant", [], { value: Number(value), shape: [...shape], dtype });
}

/** Every element 0; float32 unless a dtype is given. */
export function zeros(shape: Shape, options: DTypeOption = {}): Tensor {
  return full(shape, 0, options);
}

/** Every element 1; float32 unless a dtype is given. */
export function ones(shape: Shape, options: DTypeOption = {}): Tensor {
  return full(shape, 1, options);
}

/** A tensor of zeros in the shape and dtype of `x`. Throws ArgumentError unless x is a tensor. */
export function zerosLike(x: Tensor): Tensor {
  return full(requireTensor("zerosLike", x).shape, 0, { dtype: x.dtype });
}

/** A tensor of ones in the shape and dtype of `x`. Throws ArgumentError unless x is a tensor. */
export function onesLike(x: Tensor): Tensor {
  return full(requireTensor("onesLike", x).shape, 1, { dtype: x.dtype });
}

/** 0, 1, 2, ... along `axis` of a shape. */
export function iota(shape: Shape, axis: number, options: DTypeOption = {}): Tensor {
  checkOptions("iota", options, ["dtype"]);
  return bind1("iota", [], { shape: [...shape], axis, dtype: options.dtype ?? "int32" });
}

/**
 * A matrix [rows, columns] (square by default) with ones on the diagonal and zeros elsewhere; float32 unless a dtype is given.
 * Throws ShapeError for numbers that are not integers of at least 0.
 */
export function eye(rows: number, columns: number = rows, options: DTypeOption = {}): Tensor {
  checkOptions("eye", options, ["dtype"]);
  const shape = [rows, columns];
  checkShape("eye", shape);
  return bind1("cast", [bind1("eq", [iota(shape, 0), iota(shape, 1)], {})], {
    dtype: options.dtype ?? "float32",
  });
}

/**
 * `arange(stop)`, `arange(start, stop)` or `arange(start, stop, step)`: start + i * step below (for a negative step: above)
 * stop, each rounded once to the dtype (float32 by default). Throws ArgumentError for numbers that are not finite and a step of
 * 0, DTypeError for numbers that the dtype cannot hold.
 */
export function arange(start: number, stop?: number, step = 1, options: DTypeOption = {}): Tensor {
  checkOptions("arange", options, ["dtype"]);
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (![from, to, step].every(Number.isFinite) || step === 0)
    throw new ArgumentError(
      complaint(
        "arange",
        "finite bounds and a step other than 0",
        `arange(${from}, ${to}, ${step})`,
      ),
    );
  return range(
    "arange",
    Math.max(0, Math.ceil((to - from) / step)),
    (i) => from + i * step,
    options.dtype ?? "float32",
  );
}

/**
 * `count` evenly spaced numbers from `start` to `stop`, both included (one number is `start`), as floats [count], float32
 * unless given. Throws ArgumentError for ends that are not finite, DTypeError for a dtype that is not of floats.
 */
export function linspace(
  start: number,
  stop: number,
  count = 50,
  options: DTypeOption = {},
): Tensor {
  checkOptions("linspace", options, ["dtype"]);
  if (!Number.isFinite(start) || !Number.isFinite(stop))
    throw new ArgumentError(complaint("linspace", "finite ends", `${start} and ${stop}`));
  const dtype = options.dtype ?? "float32";
  if (!isFloat(dtype))
    throw new DTypeError(complaint("linspace", "a float dtype", dtype, "Use arange."));
  return range(
    "linspace",
    count,
    (i) => (i === count - 1 && count > 1 ? stop : start + (i * (stop - start)) / (count - 1 || 1)),
    dtype,
  );
}

function range(who: string, count: number, element: (i: number) => number, dtype: DType): Tensor {
  checkShape(who, [count]);
  checkDType(who, dtype);
  const elements = allocate(dtype, count);
  for (let i = 0; i < count; i++) {
    const value = element(i);
    checkLiteral(who, value, dtype);
    elements[i] = value;
  }
  return new Tensor({ shape: [count], dtype }, elements);
}

/** @internal A number as an operand of the given dtype and shape; DTypeError naming `who` where the dtype cannot hold it. */
export function literal(who: string, value: number | boolean, dtype: DType, shape: Shape): Tensor {
  checkLiteral(who, value, dtype);
  return full(shape, value, { dtype });
}
