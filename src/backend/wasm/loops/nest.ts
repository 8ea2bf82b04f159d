/** @file One scheduled nest: loops, hoisted instructions, stores and reductions. */
import { kernelBytes } from "../../../ir/dtype.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { Address, EmitContext } from "../emit.ts";
import {
  accumulate,
  combine,
  foldLanes,
  setNeutral,
  emitIndex,
  emitInstruction,
} from "./instructions.ts";
import {
  copiesOf,
  inlinedOf,
  outputsOf,
  partialStrides,
  variesOf,
  type Schedule,
  type ScheduledReduction,
} from "./schedule.ts";
import { type Lanes, loadLanes, storeLanes, type Place, Pointers } from "./access.ts";

/** `partials` is where `partialBytes(schedule)` bytes of scratch memory lie. */
export function emitNest(
  context: EmitContext,
  fn: FunctionBuilder,
  schedule: Schedule,
  partials: Address,
  chunk: Local | undefined,
): void {
  new NestEmitter(context, fn, schedule, partials, chunk).emit();
}

/** Vectors that go through the loops together: `copies` full ones, or one of which `count` lanes are alive. */
interface Block {
  readonly lanes: 2 | 4;
  readonly count: number;
  readonly copies: number;
}

/** A reduction while it is emitted. */
interface Running {
  readonly reduction: ScheduledReduction;
  readonly out: Place;
  /** Where partial vectors lie, for `lanes`. */
  readonly partial: Place | undefined;
  /** One register for each vector of a block. */
  readonly registers: readonly Local[];
}

class NestEmitter {
  private readonly context: EmitContext;
  private readonly fn: FunctionBuilder;
  private readonly schedule: Schedule;
  private readonly pointers: Pointers;
  /** Where each instruction's result is kept, for each vector of a block; one place where the lanes make no difference. */
  private readonly results: readonly (readonly (Local | undefined)[])[];
  private readonly varies: readonly boolean[];
  /** Whether an instruction is emitted where its only use is, and leaves its result on the stack. */
  private readonly inlined: readonly boolean[];
  private readonly loads: readonly (Place | undefined)[];
  private readonly counters: readonly (Local | undefined)[];
  private readonly storePlaces: readonly Place[];
  private readonly running: readonly Running[];
  private readonly copies: number;
  /** Instructions by the number of loops around them. */
  private readonly atDepth: readonly number[][];

  constructor(
    context: EmitContext,
    fn: FunctionBuilder,
    schedule: Schedule,
    partials: Address,
    chunk: Local | undefined,
  ) {
    this.context = context;
    this.fn = fn;
    this.schedule = schedule;
    this.pointers = new Pointers(context, fn, chunk);
    const { body, stores, reductions } = schedule;
    this.copies = copiesOf(schedule);
    this.varies = variesOf(schedule);
    this.inlined = inlinedOf(schedule, this.copies > 1 ? this.varies : undefined);
    this.atDepth = Array.from({ length: schedule.extents.length + 1 }, () => []);
    schedule.depth.forEach((depth, index) => {
      if (!this.inlined[index]) this.atDepth[depth]!.push(index);
    });
    const first = body.map((_, index) => (this.inlined[index] ? undefined : fn.local("v128")));
    this.results = Array.from({ length: this.copies }, (_, copy) =>
      copy === 0
        ? first
        : first.map((local, index) =>
            local !== undefined && this.varies[index] ? fn.local("v128") : local,
          ),
    );
    this.loads = body.map((instruction) =>
      instruction.kind === "load"
        ? this.pointers.place(instruction.value, instruction.view, kernelBytes[instruction.dtype])
        : undefined,
    );
    this.counters = body.map((instruction) =>
      instruction.kind === "index" ? this.pointers.counter(instruction.view) : undefined,
    );
    this.storePlaces = stores.map(({ value, view }) =>
      this.pointers.place(value, view, kernelBytes[value.dtype]),
    );
    let partial = 0;
    this.running = reductions.map((reduction) => {
      const { accumulation, value, view } = reduction;
      const start = partial;
      const { kind } = accumulation;
      if (kind === "lanes") partial += 16 * outputsOf(schedule, reduction);
      const registers = kind === "register" ? this.copies : kind === "lanes" ? 1 : 0;
      return {
        reduction,
        out: this.pointers.place(value, view, kernelBytes[value.dtype]),
        partial:
          kind === "lanes"
            ? this.pointers.at(partials, start, partialStrides(schedule, reduction))
            : undefined,
        registers: Array.from({ length: registers }, () => fn.local("v128")),
      };
    });
  }

  emit(): void {
    const { fn, schedule } = this;
    const { lanes } = schedule;
    this.eachPartial((place, { reduction, registers }) => {
      setNeutral(fn, reduction.op, reduction.value.dtype, registers[0]!);
      const offset = this.pointers.push(place);
      fn.get(registers[0]!);
      fn.store("v128.store", offset);
    });
    this.level(0, { lanes, count: schedule.vector < 0 ? 1 : lanes, copies: 1 });
    this.eachPartial((place, { reduction, registers, out }) => {
      const [vector] = registers as [Local];
      fn.load("v128.load", this.pointers.push(place));
      fn.set(vector);
      this.storeFolded(reduction, vector, out);
    });
  }

  /** What stands inside `depth` loops, and the loops within. */
  private level(depth: number, block: Block): void {
    const { fn, schedule } = this;
    this.instructionsAt(depth, block);
    for (const { reduction, registers } of this.startingAt(depth))
      for (const register of registers)
        setNeutral(fn, reduction.op, reduction.value.dtype, register);
    if (depth === schedule.extents.length) return this.innermost(block);
    if (depth === schedule.vector) this.vectorLoop(depth, block.lanes);
    else
      this.repeat(
        depth,
        schedule.extents[depth]!,
        1,
        () => this.level(depth + 1, block),
        this.restores(depth),
      );
    for (const running of this.startingAt(depth)) this.finish(running, depth, block);
  }

  private vectorLoop(depth: number, lanes: 2 | 4): void {
    const { schedule, copies } = this;
    const extent = schedule.extents[depth]!;
    const vectors = Math.floor(extent / lanes);
    const blocks = copies > 1 ? Math.floor(vectors / copies) : 0;
    const run = (times: number, together: number): void =>
      // Walks are put back once, at the end.
      this.repeat(
        depth,
        times,
        lanes * together,
        () => this.level(depth + 1, { lanes, count: lanes, copies: together }),
        false,
      );
    run(blocks, copies);
    run(vectors - blocks * copies, 1);
    if (extent % lanes > 0) this.level(depth + 1, { lanes, count: extent % lanes, copies: 1 });
    if (this.restores(depth)) this.pointers.advance(depth, -vectors * lanes);
  }

  /** Whether walks are needed again after a loop at this depth. */
  private restores(depth: number): boolean {
    return depth > 0 || this.running.some(({ partial }) => partial !== undefined);
  }

  /** Runs the body `times` times, moving all walks by `step` steps of the loop after each; `restore` puts them back. */
  private repeat(
    loop: number,
    times: number,
    step: number,
    body: () => void,
    restore: boolean,
  ): void {
    const { fn, pointers } = this;
    if (times === 0) return;
    if (times === 1) {
      body();
      if (!restore) pointers.advance(loop, step);
      return;
    }
    const counter = fn.local("i32");
    fn.i32(times);
    fn.set(counter);
    fn.loop((top) => {
      body();
      pointers.advance(loop, step);
      fn.get(counter);
      fn.i32(-1);
      fn.op("i32.add");
      fn.tee(counter);
      fn.brIf(top);
    });
    if (restore) pointers.advance(loop, -times * step);
  }

  private instructionsAt(depth: number, block: Block): void {
    for (const index of this.atDepth[depth]!)
      for (let copy = 0; copy < (this.varies[index] ? block.copies : 1); copy++) {
        this.instruction(index, block, copy);
        this.fn.set(this.results[copy]![index]!);
      }
  }

  /** Puts the result of an instruction on the stack. */
  private value(index: number, block: Block, copy: number): void {
    if (this.inlined[index]) this.instruction(index, block, copy);
    else this.fn.get(this.results[copy]![index]!);
  }

  private instruction(index: number, block: Block, copy: number): void {
    const { fn, schedule } = this;
    const instruction = schedule.body[index]!;
    if (instruction.kind === "load") {
      const stride = this.along(instruction.view.strides);
      loadLanes(
        fn,
        this.pointers,
        this.loads[index]!,
        instruction.dtype,
        stride,
        lanesOf(block, copy),
      );
    } else if (instruction.kind === "index")
      emitIndex(
        fn,
        this.counters[index]!,
        instruction,
        this.along(instruction.view.strides),
        copy * block.lanes,
      );
    else
      emitInstruction(
        this.context,
        fn,
        instruction,
        (operand) => this.value(operand, block, copy),
        schedule.body,
        block.count,
      );
  }

  /** Stores and accumulations, inside all loops. */
  private innermost(block: Block): void {
    const { fn, schedule, pointers } = this;
    for (let copy = 0; copy < block.copies; copy++)
      schedule.stores.forEach(({ instruction, value, view }, index) =>
        storeLanes(
          fn,
          pointers,
          this.storePlaces[index]!,
          value.dtype,
          this.along(view.strides),
          lanesOf(block, copy),
          () => this.value(instruction, block, copy),
        ),
      );
    for (const running of this.running) this.accumulate(running, block);
  }

  private accumulate({ reduction, registers, out, partial }: Running, block: Block): void {
    const { fn, pointers } = this;
    const { op, value, accumulation, axes, instruction, view } = reduction;
    const alive = axes.includes(this.schedule.vector) ? block.count : block.lanes;
    const add = (register: Local, copy: number): void =>
      accumulate(
        fn,
        op,
        value.dtype,
        register,
        () => this.value(instruction, block, copy),
        alive,
        block.lanes,
      );
    if (accumulation.kind === "register")
      for (let copy = 0; copy < block.copies; copy++) add(registers[copy]!, copy);
    else if (accumulation.kind === "lanes") {
      const [vector] = registers as [Local];
      fn.load("v128.load", pointers.push(partial!));
      fn.set(vector);
      for (let copy = 0; copy < block.copies; copy++) add(vector, copy);
      const offset = pointers.push(partial!);
      fn.get(vector);
      fn.store("v128.store", offset);
    } else
      for (let copy = 0; copy < block.copies; copy++) {
        const stride = this.along(view.strides);
        const lanes = lanesOf(block, copy);
        storeLanes(fn, pointers, out, value.dtype, stride, lanes, () => {
          loadLanes(fn, pointers, out, value.dtype, stride, lanes);
          this.value(instruction, block, copy);
          combine(fn, op, value.dtype);
        });
      }
  }

  /** Writes a reduction that grew in registers, once its loops are over. */
  private finish({ reduction, registers, out }: Running, depth: number, block: Block): void {
    const { fn, schedule, pointers } = this;
    const { op, value, view } = reduction;
    if (schedule.vector >= depth) {
      const [first, ...others] = registers as [Local, ...Local[]];
      for (const other of others)
        accumulate(fn, op, value.dtype, first, () => fn.get(other), block.lanes, block.lanes);
      this.storeFolded(reduction, first, out);
      return;
    }
    for (let copy = 0; copy < block.copies; copy++)
      storeLanes(
        fn,
        pointers,
        out,
        value.dtype,
        this.along(view.strides),
        lanesOf(block, copy),
        () => fn.get(registers[copy]!),
      );
  }

  private storeFolded({ op, value }: ScheduledReduction, vector: Local, out: Place): void {
    const { lanes } = this.schedule;
    foldLanes(this.fn, op, value.dtype, vector, lanes);
    storeLanes(this.fn, this.pointers, out, value.dtype, 0, { count: 1, shift: 0 }, () =>
      this.fn.get(vector),
    );
  }

  /** Reductions in registers whose outermost loop is the one at `depth`. */
  private startingAt(depth: number): Running[] {
    return this.running.filter(
      ({ reduction: { accumulation } }) =>
        accumulation.kind === "register" && accumulation.from === depth,
    );
  }

  /** Runs `body` for every partial vector in memory, with the walks there. */
  private eachPartial(body: (place: Place, running: Running) => void): void {
    const { extents } = this.schedule;
    for (const running of this.running) {
      const { partial, reduction } = running;
      if (partial === undefined) continue;
      const loops = (depth: number): void => {
        if (depth === extents.length) body(partial, running);
        else if (reduction.axes.includes(depth)) loops(depth + 1);
        else this.repeat(depth, extents[depth]!, 1, () => loops(depth + 1), true);
      };
      loops(0);
    }
  }

  /** The stride along the vector axis. */
  private along(strides: readonly number[]): number {
    return this.schedule.vector < 0 ? 0 : strides[this.schedule.vector]!;
  }
}

const lanesOf = ({ lanes, count }: Block, copy: number): Lanes => ({
  count,
  shift: copy * lanes,
});
