/** @file The tensor: either elements, or a name for what a trace will compute. Its methods are added by `ops/methods.ts`. */
import type { DType, TypedArray } from "./dtype.ts";
import { AdjointError, ArgumentError, TraceError, complaint } from "../base/errors.ts";
import { type Shape, sizeOf } from "./shape.ts";
import type { TensorType, Value } from "./value.ts";

/** Elements in row-major order, as nested arrays; a plain number or boolean for a scalar. */
export type Nested = number | boolean | Nested[];

/** Where a traced tensor stands: a value of a trace (see `trace.ts`). */
export interface Traced {
  readonly trace: object;
  readonly value: Value;
}

/**
 * An immutable n-dimensional array of float32, float64, int32 or bool elements, row-major.
 * Made by `tensor`, `zeros`, `random.normal`, ...; inside `jit`, `grad` and solves it stands for a value yet to be computed.
 */
export class Tensor implements TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
  /** @internal Elements of a concrete tensor: never written to after construction. */
  readonly elements: TypedArray | undefined;
  /** @internal The place of a traced tensor. */
  readonly traced: Traced | undefined;

  /** @internal Use `tensor()`. */
  constructor(type: TensorType, content: TypedArray | Traced) {
    this.shape = type.shape;
    this.dtype = type.dtype;
    if (ArrayBuffer.isView(content)) this.elements = content as TypedArray;
    else this.traced = content;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** A copy of the elements in row-major order. Throws TraceError while tracing. */
  data(): TypedArray {
    return concreteElements(this, "data()").slice();
  }

  /** The elements as nested arrays (booleans for bool). Throws TraceError while tracing. */
  toArray(): Nested {
    const flat = concreteElements(this, "toArray()");
    const asBoolean = this.dtype === "bool";
    let next = 0;
    const build = (axis: number): Nested => {
      if (axis === this.shape.length) {
        const element = flat[next++]!;
        return asBoolean ? element !== 0 : element;
      }
      return Array.from({ length: this.shape[axis]! }, () => build(axis + 1));
    };
    return build(0);
  }

  /** The only element of a tensor of size 1, as a number (bool: 0 or 1). Throws TraceError while tracing. */
  item(): number {
    if (this.size !== 1)
      throw new AdjointError(
        `item(): expected a tensor of one element, got shape [${this.shape.join(", ")}]. Use data() or toArray().`,
      );
    return concreteElements(this, "item()")[0]!;
  }

  /** @internal What consoles print. */
  toString(): string {
    const type = `${this.dtype}[${this.shape.join(", ")}]`;
    if (this.elements === undefined) return `Tensor<${type}, traced>`;
    const shown = Array.from(this.elements.subarray(0, 8), (x) =>
      this.dtype === "float32" ? Number(x.toPrecision(7)) : x,
    ).join(", ");
    return `Tensor<${type}>(${shown}${this.elements.length > 8 ? ", ..." : ""})`;
  }

  /** @internal JavaScript's operators would quietly make text or NaN of a tensor. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new ArgumentError(
      complaint(
        "operator",
        "numbers",
        this.toString(),
        "Use add, mul, less and the like, and where instead of if; item() gives the number of a computed scalar.",
      ),
    );
  }
}

// Node's console shows tensors as toString does.
Object.defineProperty(Tensor.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Tensor) {
    return this.toString();
  },
});

/** The elements of a concrete tensor; TraceError naming `who` for a traced one. */
export function concreteElements(tensor: Tensor, who: string): TypedArray {
  if (tensor.elements === undefined)
    throw new TraceError(
      `${who}: expected a tensor with elements, got one that is being traced (${tensor.toString()}). ` +
        "Inside jit, grad, vjp, jvp, scan and solves tensors have no elements yet: compute with tensor operations, and read elements outside. " +
        "One that was stored outside never gets any: return it instead.",
    );
  return tensor.elements;
}
