// Arithmetic on vectors of four float32 numbers, written as calls: each result is a register of its own.
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import { repeat } from "../../flow.ts";
import { lanesOf, loadLanes, storeLanes, vectorWidths } from "../../lanes.ts";
import { advance } from "../../pointers.ts";

const lanes = lanesOf("float32");

/** Emits vector arithmetic into one function. */
export class Vectors {
  readonly #fn: FunctionBuilder;

  constructor(fn: FunctionBuilder) {
    this.#fn = fn;
  }

  /** The first `width` lanes from memory, the others zero. */
  load(pointer: Local, offset: number, width: number = lanes.count): Local {
    loadLanes(this.#fn, lanes, pointer, offset, width);
    return this.#keep();
  }

  /** Stores the first `width` lanes. */
  store(pointer: Local, offset: number, vector: Local, width: number = lanes.count): void {
    storeLanes(this.#fn, lanes, pointer, offset, width, vector);
  }

  add(x: Local, y: Local): Local {
    return this.#binary("f32x4.add", x, y);
  }

  sub(x: Local, y: Local): Local {
    return this.#binary("f32x4.sub", x, y);
  }

  /** x times a constant. */
  times(x: Local, factor: number): Local {
    this.#fn.get(x);
    this.#fn.v128({ f32x4: [factor, factor, factor, factor] });
    this.#fn.op("f32x4.mul");
    return this.#keep();
  }

  #binary(op: string, x: Local, y: Local): Local {
    this.#fn.get(x);
    this.#fn.get(y);
    this.#fn.op(op);
    return this.#keep();
  }

  #keep(): Local {
    const kept = this.#fn.local("v128");
    this.#fn.set(kept);
    return kept;
  }
}

/**
 * Emits `body(widths)` for groups of `atOnce` vectors along `elements` elements, and for the rest: `widths` are the lanes in
 * use of its vectors. Pointers move on by so many bytes a vector.
 */
export function forVectors(
  fn: FunctionBuilder,
  elements: number,
  atOnce: number,
  moves: readonly (readonly [pointer: Local, bytes: number])[],
  body: (widths: readonly number[]) => void,
): void {
  const group = (count: number): void => {
    const widths = vectorWidths(lanes, count);
    body(widths);
    for (const [pointer, bytes] of moves) advance(fn, pointer, widths.length * bytes);
  };
  const size = atOnce * lanes.count;
  repeat(fn, Math.floor(elements / size), () => group(size));
  if (elements % size > 0) group(elements % size);
}
