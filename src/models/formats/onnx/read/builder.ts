/**
 * @file Signals (values that depend on the input, and how they lie), and what the layers of a file are made with: names,
 * parameters, and values in the layout that a layer wants.
 */
import { type Shape, sameShape, sizeOf, formatShape } from "../../../../ir/shape.ts";
import type { SymbolicTensor } from "../../../../nn/graph/symbolic.ts";
import { type ElementType, type Constant, mostElements } from "./constant.ts";
import { AdjointError } from "../../../../base/errors.ts";
import { Tensor } from "../../../../ir/tensor.ts";
import {
  type AnyLayer,
  type LayerOptions,
  flatten,
  permute,
  reshape,
} from "../../../../nn/index.ts";
import { nameMaker } from "../../../../nn/names.ts";
import { FormatError, refuse } from "../../../errors.ts";

/** A value that depends on the input. */
export interface Signal {
  readonly symbol: SymbolicTensor;
  readonly type: ElementType;
  /** As in ONNX, with the batch that the file declares (or 1). */
  readonly shape: Shape;
  /** The ONNX axis that each axis of the symbol is, the batch first. Axes of extent 1 may be missing. */
  readonly order: readonly number[];
  /**
   * Of a vector that is a flattened image: the sample's shape in ONNX, and the order in which its axes are flattened here. ONNX
   * flattens them as they are. Undefined where both agree.
   */
  readonly flattened?: Flattened | undefined;
}

/** How a flattened value lies in memory. */
export interface Flattened {
  readonly view: Shape;
  readonly order: readonly number[];
}

/** How values of a rank lie in memory unless something else is as good: channels last for images. */
export function usualOrder(rank: number): readonly number[] {
  return rank === 4 ? [0, 2, 3, 1] : Array.from({ length: rank }, (_, axis) => axis);
}

/** The axes of an order that matter: the batch, and those of other extents than 1. */
export function longAxes(order: readonly number[], shape: Shape): number[] {
  return order.filter((axis) => axis === 0 || shape[axis] !== 1);
}

/** Whether a value that lies in one order lies in another one too: axes of extent 1 may be anywhere. */
export function isSameLayout(a: readonly number[], b: readonly number[], shape: Shape): boolean {
  return sameShape(longAxes(a, shape), longAxes(b, shape));
}

/** Extents of a sample that lies in an order. */
export function sampleOf(shape: Shape, order: readonly number[]): number[] {
  return order.slice(1).map((axis) => shape[axis]!);
}

export function sameFlattened(a: Signal, b: Signal): boolean {
  const [p, q] = [a.flattened, b.flattened];
  return (
    p === q ||
    (p !== undefined && q !== undefined && sameShape(p.view, q.view) && sameShape(p.order, q.order))
  );
}

/** Axes of two shapes that hold the same elements: runs of axes, each with as many elements as its partner. */
export interface AxisGroup {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** The finest groups of axes in which a row-major shape becomes another one of as many elements. */
export function axisGroups(from: Shape, to: Shape): AxisGroup[] {
  const groups: AxisGroup[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const group: { from: number[]; to: number[] } = { from: [], to: [] };
    let [p, q] = [1, 1];
    do {
      if (i < from.length && (p <= q || j === to.length)) {
        p *= from[i]!;
        group.from.push(i++);
      } else {
        q *= to[j]!;
        group.to.push(j++);
      }
    } while (p !== q && (i < from.length || j < to.length));
    groups.push(group);
  }
  return groups;
}

/** Whether a reshape keeps samples apart: sizes of samples. */
export function sampleSize(shape: Shape): number {
  return sizeOf(shape.slice(1));
}

/** Options that every layer of a file gets. */
export type Base = Pick<LayerOptions, "name" | "dtype" | "initialize">;

/** Parameters by the names of a layer's fields. */
export type Parameters = Readonly<Record<string, Tensor>>;

/** Makes layers, and keeps the values of the graph. */
export class Builder {
  readonly values: Map<string, Constant | Signal> = new Map();
  readonly dtype: "float32" | "float64";
  readonly #aliases: Map<AnyLayer, Set<string>> = new Map();
  readonly #nextName: (base: string) => string = nameMaker(new Set());

  constructor(dtype: "float32" | "float64") {
    this.dtype = dtype;
  }

  /** A layer of a name, with parameters, applied. FormatError naming `who` where it cannot take what comes in. */
  apply(
    who: string,
    name: string,
    make: (base: Base) => AnyLayer,
    inputs: SymbolicTensor | readonly SymbolicTensor[],
    parameters: Parameters = {},
  ): SymbolicTensor {
    try {
      const layer = make(this.#base(name));
      const list = Array.isArray(inputs) ? (inputs as readonly SymbolicTensor[]) : undefined;
      const inputShape = list?.map(({ shape }) => shape) ?? (inputs as SymbolicTensor).shape;
      layer.grow(inputShape);
      fill(layer, parameters);
      return layer.apply(inputs) as SymbolicTensor;
    } catch (cause) {
      throw refusal(who, cause);
    }
  }

  /** A name that no layer has yet: the one given, if possible. */
  nameOf(name: string): string {
    return this.#nextName(name);
  }

  /** Lets a model find the layer that makes a value under another name too, once all are made: `nameAliases`. */
  alias({ symbol }: Signal, name: string): void {
    const layer = symbol.node.layer as AnyLayer;
    const known = this.#aliases.get(layer);
    if (known === undefined) this.#aliases.set(layer, new Set([name]));
    else known.add(name);
  }

  /** Tells the layers their aliases. */
  nameAliases(): void {
    for (const [layer, names] of this.#aliases) {
      names.delete(layer.name ?? "");
      layer.aliases = Object.freeze([...names]);
    }
  }

  #base(name: string): Base {
    const unique = this.nameOf(name);
    return {
      name: unique,
      initialize: false,
      ...(this.dtype === "float64" && { dtype: "float64" }),
    };
  }

  /** A value in another order of axes, those of extent 1 where the order has them. Layers are named after `name`. */
  arranged(who: string, name: string, given: Signal, order: readonly number[]): Signal {
    const signal = this.unflattened(who, name, given);
    const { shape } = signal;
    if (sameShape(signal.order, order)) return signal;
    let { symbol } = signal;
    let now = signal.order;
    if (!isSameLayout(now, order, shape)) {
      const isWhole = sameShape(ascending(now), ascending(order));
      const goal = isWhole ? order : longAxes(order, shape);
      if (!isWhole) {
        symbol = this.#reshaped(who, name, symbol, sampleOf(shape, longAxes(now, shape)));
        now = longAxes(now, shape);
      }
      const dims = goal.slice(1).map((axis) => now.indexOf(axis));
      symbol = this.apply(who, `${name}/permute`, (base) => permute({ dims, ...base }), symbol);
    }
    symbol = this.#reshaped(who, name, symbol, sampleOf(shape, order));
    return { ...signal, symbol, order };
  }

  /** A value as its rank is usually laid out: images channels last, others as in ONNX. */
  usual(who: string, name: string, signal: Signal): Signal {
    return this.arranged(who, name, signal, usualOrder(signal.shape.length));
  }

  /** A value that is not flattened in another order than ONNX does. */
  unflattened(who: string, name: string, signal: Signal): Signal {
    const { flattened, ...rest } = signal;
    if (flattened === undefined) return signal;
    const sample = flattened.order.map((axis) => flattened.view[axis]!);
    const image = this.#reshaped(who, name, signal.symbol, sample);
    const dims = flattened.view.map((_, axis) => flattened.order.indexOf(axis) + 1);
    const plain = this.apply(who, `${name}/permute`, (base) => permute({ dims, ...base }), image);
    return { ...rest, symbol: this.#reshaped(who, name, plain, [sizeOf(sample)]) };
  }

  #reshaped(who: string, name: string, symbol: SymbolicTensor, targetShape: Shape): SymbolicTensor {
    return sameShape(symbol.shape, targetShape)
      ? symbol
      : this.apply(who, `${name}/reshape`, (base) => reshape({ targetShape, ...base }), symbol);
  }

  /**
   * A value in another ONNX shape of as many elements a sample. Where axes that become one do not lie side by side, vectors say
   * how they are flattened, and others are permuted.
   */
  reshape(who: string, name: string, given: Signal, shape: Shape): Signal {
    if (sameShape(given.shape, shape)) return given;
    let signal = this.unflattened(who, name, given);
    const groups = axisGroups(signal.shape.slice(1), shape.slice(1)).map(({ from, to }) => ({
      from: from.map((axis) => axis + 1).filter((axis) => signal.shape[axis] !== 1),
      to: to.map((axis) => axis + 1).filter((axis) => shape[axis] !== 1),
    }));
    const position = (axis: number): number => longAxes(signal.order, signal.shape).indexOf(axis);
    const lies = groups
      .filter(({ from }) => from.length > 0)
      .toSorted((a, b) => position(a.from[0]!) - position(b.from[0]!));
    const wanted = [0, ...lies.flatMap(({ from }) => from)];
    if (!isSameLayout(signal.order, wanted, signal.shape)) {
      if (shape.length === 2) return this.#flattened(who, name, signal, shape);
      signal = this.arranged(who, name, signal, wanted);
    }
    const lying = [0, ...lies.flatMap(({ to }) => to)];
    const { symbol: lain, type } = signal;
    const usual = usualOrder(shape.length);
    const isUsual = isSameLayout(lying, usual, shape);
    const order = isUsual && !sameShape(sampleOf(shape, lying), lain.shape) ? usual : lying;
    const sample = sampleOf(shape, order);
    if (sameShape(sample, lain.shape)) return { symbol: lain, type, shape, order };
    const symbol = this.apply(
      who,
      name,
      (base) => (sample.length === 1 ? flatten(base) : reshape({ targetShape: sample, ...base })),
      lain,
    );
    return { symbol, type, shape, order };
  }

  /** A value as a vector, flattened as it lies. */
  #flattened(who: string, name: string, signal: Signal, shape: Shape): Signal {
    const view = signal.shape.slice(1);
    const rest = view.map((_, axis) => axis).filter((axis) => !signal.order.includes(axis + 1));
    const order = [...signal.order.slice(1).map((axis) => axis - 1), ...rest];
    const symbol = this.apply(who, name, (base) => flatten(base), signal.symbol);
    return { symbol, type: signal.type, shape, order: [0, 1], flattened: { view, order } };
  }
}

function ascending(axes: readonly number[]): number[] {
  return axes.toSorted((a, b) => a - b);
}

/** Puts parameters into a layer in place of those it was made with. */
function fill(layer: AnyLayer, parameters: Parameters): void {
  const fields = layer as unknown as Record<string, unknown>;
  for (const [field, tensor] of Object.entries(parameters)) {
    const made = fields[field];
    if (!(made instanceof Tensor) || !sameShape(made.shape, tensor.shape))
      refuse(
        `${layer.label}: ${field}`,
        made instanceof Tensor ? `shape ${formatShape(made.shape)}` : "no such parameter",
        formatShape(tensor.shape),
      );
    fields[field] = tensor;
  }
}

/** What went wrong as an error of the file: what layers and operations refuse comes from there. */
export function refusal(who: string, cause: unknown): unknown {
  return cause instanceof AdjointError && !(cause instanceof FormatError)
    ? new FormatError(`${who}: ${cause.message}`, { cause })
    : cause;
}

/** Throws FormatError naming `who` for a shape whose samples have no elements, or absurdly many. */
export function checkExtents(who: string, shape: Shape): void {
  if (
    shape.every((extent) => Number.isSafeInteger(extent) && extent > 0) &&
    sizeOf(shape) <= mostElements
  )
    return;
  refuse(
    who,
    `extents of at least 1, and at most ${mostElements} elements in all`,
    formatShape(shape),
  );
}
