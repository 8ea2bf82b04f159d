/**
 * @file Layouts: the inputs or outputs of a graph as named parts. A layout splits lists of tensors (or pointers) by name, joins
 * them again, and knows where each part begins, so that no one else counts positions.
 */
import { InternalError } from "../base/errors.ts";
import type { Graph, TensorType } from "./graph.ts";
import type { Tensor } from "./tensor.ts";
import { type TracedFunction, trace } from "./trace.ts";

/** Parts by name: a type, a list of types, or a list of lists (one list per stage, say). */
export type Parts = Readonly<
  Record<string, TensorType | readonly TensorType[] | readonly (readonly TensorType[])[]>
>;

/** The same parts with something else in the place of each type. */
export type PartsOf<P, T> = P extends TensorType
  ? T
  : P extends readonly (infer Item)[]
    ? readonly PartsOf<Item, T>[]
    : { readonly [Name in keyof P]: PartsOf<P[Name], T> };

/** The position at which each part begins; a list of positions for a list of lists. */
type StartsOf<P> = {
  readonly [Name in keyof P]: P[Name] extends readonly (readonly TensorType[])[]
    ? readonly number[]
    : number;
};

/** A part: its name, where it begins, how many entries it has, and the lengths of its lists if it is a list of lists. */
interface Segment {
  readonly name: string;
  readonly start: number;
  readonly length: number;
  readonly single: boolean;
  readonly lists: readonly number[] | undefined;
}

/** Named parts in the order in which they were given. */
export class Layout<P extends Parts> {
  /** All types, one after another. */
  readonly types: readonly TensorType[];
  readonly start: StartsOf<P>;
  readonly #segments: readonly Segment[];

  constructor(parts: P) {
    const types: TensorType[] = [];
    const starts: Record<string, number | number[]> = {};
    this.#segments = Object.entries(parts).map(([name, part]) => {
      const start = types.length;
      const single = !Array.isArray(part);
      const isNested = !single && part.length > 0 && (part as unknown[]).every(Array.isArray);
      const lists = isNested ? (part as readonly (readonly TensorType[])[]) : undefined;
      types.push(...([part].flat(2) as TensorType[]));
      let next = start;
      starts[name] = lists?.map((list) => (next += list.length) - list.length) ?? start;
      const lengths = lists?.map((list) => list.length);
      return { name, start, length: types.length - start, single, lists: lengths };
    });
    this.types = types;
    this.start = starts as StartsOf<P>;
  }

  /** Cuts a list with one entry per type into its parts. */
  split<T>(list: readonly T[]): PartsOf<P, T> {
    if (list.length !== this.types.length) throw mismatch(list.length, this.types.length);
    const parts: Record<string, unknown> = {};
    for (const { name, start, length, single, lists } of this.#segments) {
      let next = start;
      if (single) parts[name] = list[start];
      else if (lists === undefined) parts[name] = list.slice(start, start + length);
      else parts[name] = lists.map((size) => list.slice(next, (next += size)));
    }
    return parts as PartsOf<P, T>;
  }

  /** The opposite of `split`. */
  join<T>(parts: PartsOf<P, T>): T[] {
    const all: T[] = [];
    for (const { name, single, lists } of this.#segments) {
      const part = (parts as Record<string, unknown>)[name];
      if (single) all.push(part as T);
      else if (lists === undefined) for (const item of part as T[]) all.push(item);
      else for (const list of part as T[][]) all.push(...list);
    }
    if (all.length !== this.types.length) throw mismatch(all.length, this.types.length);
    return all;
  }

  /** Traces a function of the parts. */
  trace(fn: (parts: PartsOf<P, Tensor>) => readonly Tensor[]): TracedFunction {
    return trace((...placeholders) => fn(this.split(placeholders)), this.types);
  }

  /** As `trace`, for functions that capture nothing. */
  graph(fn: (parts: PartsOf<P, Tensor>) => readonly Tensor[]): Graph {
    return this.trace(fn).graph;
  }
}

function mismatch(entries: number, types: number): InternalError {
  return new InternalError(`layout: ${entries} entries for ${types} types`);
}

/** A choice among the entries of a list: `pick` leaves the others out, `place` puts the chosen ones back where they were. */
export class Selection {
  readonly #chosen: readonly boolean[];

  constructor(chosen: readonly boolean[]) {
    this.#chosen = chosen;
  }

  pick<T>(list: readonly T[]): T[] {
    return list.filter((_, index) => this.#chosen[index] === true);
  }

  place<T>(picked: readonly T[]): (T | undefined)[] {
    let next = 0;
    return this.#chosen.map((chosen) => (chosen ? picked[next++] : undefined));
  }
}
