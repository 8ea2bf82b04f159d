/** @file Induction variables: one local for each way of walking through memory, moved along as loops advance. */
import type { Value } from "../../../ir/graph.ts";
import type { View } from "../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import { type Address, type EmitContext, addressOf } from "../emit.ts";

interface Walk {
  readonly local: Local;
  /** Bytes moved by one step of each loop. */
  readonly strides: readonly number[];
}

/** A place in memory that moves with the loops: the sum of some locals and a constant. */
export interface Place {
  readonly locals: readonly Local[];
  readonly offset: number;
}

export class Pointers {
  private readonly context: EmitContext;
  private readonly fn: FunctionBuilder;
  private readonly walks = new Map<string, Walk>();
  private readonly addresses = new Map<Value, Address>();
  /** Bytes that the chunk lies further along, by bytes a chunk. */
  private readonly shifts = new Map<number, Local>();
  private readonly chunk: Local | undefined;

  /** `chunk` is the number that views with `perChunk` ask for. */
  constructor(context: EmitContext, fn: FunctionBuilder, chunk: Local | undefined) {
    this.context = context;
    this.fn = fn;
    this.chunk = chunk;
  }

  /** The place of a view of a value. To be asked for before the first loop. */
  place(value: Value, view: View, bytes: number): Place {
    let address = this.addresses.get(value);
    if (address === undefined)
      this.addresses.set(value, (address = addressOf(this.context, this.fn, value)));
    return this.at(
      address,
      view.offset * bytes,
      view.strides.map((stride) => stride * bytes),
      (view.perChunk ?? 0) * bytes,
    );
  }

  /** A place that moves by `strides` bytes from `shift` bytes behind an address, and `perChunk` bytes for every chunk. */
  at(address: Address, shift: number, strides: readonly number[], perChunk = 0): Place {
    const locals = address.base === undefined ? [] : [address.base];
    const offset = address.offset + shift;
    const chunk = this.shift(perChunk);
    const start = chunk === undefined ? [] : [chunk];
    if (strides.every((stride) => stride === 0)) return { locals: [...locals, ...start], offset };
    // A walk may go below its start only if it starts at a true address: offsets of memory instructions are unsigned.
    if (strides.some((stride) => stride < 0)) {
      const walk = this.walk(strides, offset, [...locals, ...start]);
      return { locals: [walk.local], offset: 0 };
    }
    // Views of equal strides go on by as much from chunk to chunk, and so share the walk all the same.
    return { locals: [this.walk(strides, 0, start).local, ...locals], offset };
  }

  /** A counter that moves by the view's strides in each loop, from where the chunk begins. */
  counter({ strides, perChunk }: View): Local {
    const shift = this.shift(perChunk ?? 0);
    return this.walk(strides, 0, shift === undefined ? [] : [shift]).local;
  }

  private shift(perChunk: number): Local | undefined {
    if (perChunk === 0 || this.chunk === undefined) return undefined;
    let shift = this.shifts.get(perChunk);
    if (shift === undefined) {
      shift = this.fn.local("i32");
      this.shifts.set(perChunk, shift);
      this.fn.get(this.chunk);
      this.fn.i32(perChunk);
      this.fn.op("i32.mul");
      this.fn.set(shift);
    }
    return shift;
  }

  /** Moves every walk by `steps` steps of loop `loop`. */
  advance(loop: number, steps: number): void {
    if (steps === 0) return;
    for (const { local, strides } of this.walks.values()) {
      const move = strides[loop]! * steps;
      if (move === 0) continue;
      this.fn.get(local);
      this.fn.i32(move | 0);
      this.fn.op("i32.add");
      this.fn.set(local);
    }
  }

  /** Puts the address of a place, moved by `shift` bytes, on the stack; what is left goes into the instruction's offset. */
  push(place: Place, shift = 0): number {
    const { fn } = this;
    const [first, ...others] = place.locals;
    if (first === undefined) fn.i32(0);
    else fn.get(first);
    for (const local of others) {
      fn.get(local);
      fn.op("i32.add");
    }
    const offset = place.offset + shift;
    if (offset >= 0) return offset;
    fn.i32(offset);
    fn.op("i32.add");
    return 0;
  }

  private walk(strides: readonly number[], start: number, base: readonly Local[]): Walk {
    const key = `${start} ${base.map((local) => local.index).join(",")} ${strides.join(",")}`;
    let walk = this.walks.get(key);
    if (walk === undefined) {
      const local = this.fn.local("i32");
      this.fn.i32(start | 0);
      for (const other of base) {
        this.fn.get(other);
        this.fn.op("i32.add");
      }
      this.fn.set(local);
      walk = { local, strides };
      this.walks.set(key, walk);
    }
    return walk;
  }
}
