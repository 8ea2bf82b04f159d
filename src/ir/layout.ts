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

type Nested<T> = T | readonly Nested<T>[];

/** Named parts in the order in which they were given. */
export class Layout<P extends Parts> {
  /** All types, one after another. */
  readonly types: readonly TensorType[];
  readonly start: StartsOf<P>;
  readonly #parts: P;

  constructor(parts: P) {
    this.#parts = parts;
    this.types = (Object.values(parts) as Nested<TensorType>[]).flatMap(flat);
    let next = 0;
    const starts = Object.entries(parts).map(([name, part]) => {
      const lists = isList(part) && part.length > 0 && part.every(isList) ? part : undefined;
      const found: number | number[] = lists === undefined ? next : [];
      for (const list of lists ?? [part]) {
        if (typeof found !== "number") found.push(next);
        next += flat<TensorType>(list as Nested<TensorType>).length;
      }
      return [name, found];
    });
    this.start = Object.fromEntries(starts) as StartsOf<P>;
  }

  /** Cuts a list with one entry per type into its parts. */
  split<T>(list: readonly T[]): PartsOf<P, T> {
    let next = 0;
    const take = (part: Nested<TensorType>): Nested<T> =>
      isList(part) ? part.map(take) : list[next++]!;
    const parts = Object.fromEntries(
      Object.entries(this.#parts).map(([name, part]) => [name, take(part as Nested<TensorType>)]),
    );
    if (next !== list.length) throw new InternalError(`layout: ${list.length} entries for ${next}`);
    return parts as PartsOf<P, T>;
  }

  /** The opposite of `split`. */
  join<T>(parts: PartsOf<P, T>): T[] {
    const all = Object.keys(this.#parts).flatMap((name) =>
      flat((parts as Record<string, Nested<T>>)[name]!),
    );
    if (all.length !== this.types.length)
      throw new InternalError(`layout: ${all.length} entries for ${this.types.length}`);
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

function isList<T>(part: unknown): part is readonly Nested<T>[] {
  return Array.isArray(part);
}

function flat<T>(part: Nested<T>): T[] {
  return isList<T>(part) ? part.flatMap(flat<T>) : [part as T];
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
