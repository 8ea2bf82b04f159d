/** @file One scheduled nest: loops, hoisted instructions, stores and reductions. */
import type { Instruction } from "../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { EmitContext } from "../emit.ts";
import { accumulate, combine, foldLanes, setNeutral } from "./accumulate.ts";
import { emitInstruction } from "./instructions.ts";
import { type Lanes, loadLanes, storeLanes } from "./lanes.ts";
import { type Place, Pointers } from "./pointers.ts";
import { type Schedule, type ScheduledReduction, bytesOf } from "./schedule.ts";

/** `partials` is the address of `partialBytes(schedule)` bytes of scratch memory. */
export function emitNest(
  context: EmitContext,
  fn: FunctionBuilder,
  schedule: Schedule,
  partials: number,
): void {
  new NestEmitter(context, fn, schedule, partials).emit();
}

/** A reduction while it is emitted. */
interface Running {
  readonly reduction: ScheduledReduction;
  readonly out: Place;
  /** Where partial vectors lie, for `lanes`. */
  readonly partial: Place | undefined;
  /** One register for each unrolled copy of the body. */
  readonly registers: readonly Local[];
}

class NestEmitter {
  private readonly context: EmitContext;
  private readonly fn: FunctionBuilder;
  private readonly schedule: Schedule;
  private readonly pointers: Pointers;
  private readonly results: Local[];
  private readonly loads: (Place | undefined)[];
  private readonly counters: (Local | undefined)[];
  private readonly storePlaces: Place[];
  private readonly running: Running[];
  private readonly unroll: number;
  /** Instructions by the number of loops around them. */
  private readonly atDepth: number[][];

  constructor(context: EmitContext, fn: FunctionBuilder, schedule: Schedule, partials: number) {
    this.context = context;
    this.fn = fn;
    this.schedule = schedule;
    this.pointers = new Pointers(context, fn);
    const { body, stores, reductions } = schedule;
    this.unroll = unrollOf(schedule);
    this.atDepth = Array.from({ length: schedule.extents.length + 1 }, () => []);
    schedule.depth.forEach((depth, index) => this.atDepth[depth]!.push(index));
    this.results = body.map(() => fn.local("v128"));
    this.loads = body.map((instruction) =>
      instruction.kind === "load"
        ? this.pointers.place(instruction.value, instruction.view, bytesOf(instruction.dtype))
        : undefined,
    );
    this.counters = body.map((instruction) =>
      instruction.kind === "index" ? this.pointers.counter(instruction.view.strides) : undefined,
    );
    this.storePlaces = stores.map(({ value, view }) =>
      this.pointers.place(value, view, bytesOf(value.dtype)),
    );
    let partial = partials;
    this.running = reductions.map((reduction) => {
      const { accumulation, value, view } = reduction;
      const start = partial;
      if (accumulation.kind === "lanes") partial += 16 * outputsOf(schedule, reduction);
      return {
        reduction,
        out: this.pointers.place(value, view, bytesOf(value.dtype)),
        partial:
          accumulation.kind === "lanes"
            ? this.pointers.at([], start, partialStrides(schedule, reduction))
            : undefined,
        registers:
          accumulation.kind === "register"
            ? Array.from({ length: this.unroll }, () => fn.local("v128"))
            : [],
      };
    });
  }

  emit(): void {
    const { fn, schedule } = this;
    const { lanes } = schedule;
    for (const { reduction, partial } of this.running)
      if (partial !== undefined)
        this.eachPartial(reduction, () => {
          const vector = fn.local("v128");
          setNeutral(fn, reduction.op, reduction.value.dtype, vector);
          const offset = this.pointers.push(partial);
          fn.get(vector);
          fn.store("v128.store", offset);
        });
    this.level(0, { lanes, count: schedule.vector < 0 ? 1 : lanes, shift: 0 });
    for (const { reduction, partial, out } of this.running)
      if (partial !== undefined)
        this.eachPartial(reduction, () => {
          const vector = fn.local("v128");
          fn.load("v128.load", this.pointers.push(partial));
          fn.set(vector);
          foldLanes(fn, reduction.op, reduction.value.dtype, vector, lanes);
          storeLanes(
            fn,
            this.pointers,
            out,
            reduction.value.dtype,
            0,
            { lanes, count: 1, shift: 0 },
            () => fn.get(vector),
          );
        });
  }

  /** What stands inside `depth` loops, and the loops within. */
  private level(depth: number, lanes: Lanes): void {
    const { fn, schedule } = this;
    this.instructionsAt(depth, lanes);
    for (const { reduction, registers } of this.running)
      if (reduction.accumulation.kind === "register" && reduction.accumulation.from === depth)
        for (const register of registers)
          setNeutral(fn, reduction.op, reduction.value.dtype, register);
    if (depth === schedule.extents.length) {
      this.innermost(lanes, 0);
      return;
    }
    if (depth === schedule.vector) this.vectorLoop(depth, lanes);
    else
      this.repeat(
        depth,
        schedule.extents[depth]!,
        1,
        () => this.level(depth + 1, lanes),
        this.restores(depth),
      );
    for (const { reduction, registers, out } of this.running)
      if (reduction.accumulation.kind === "register" && reduction.accumulation.from === depth)
        this.finish(reduction, registers, out, depth, lanes);
  }

  private vectorLoop(depth: number, { lanes }: Lanes): void {
    const { schedule, unroll } = this;
    const extent = schedule.extents[depth]!;
    const vectors = Math.floor(extent / lanes);
    const unrolled = unroll > 1 ? Math.floor(vectors / unroll) : 0;
    const full: Lanes = { lanes, count: lanes, shift: 0 };
    // Walks are put back once, at the end.
    if (unrolled > 0)
      this.repeat(
        depth,
        unrolled,
        lanes * unroll,
        () => {
          for (let copy = 0; copy < unroll; copy++) {
            const shifted = { ...full, shift: copy * lanes };
            this.instructionsAt(depth + 1, shifted);
            this.innermost(shifted, copy);
          }
        },
        false,
      );
    this.repeat(
      depth,
      vectors - unrolled * unroll,
      lanes,
      () => this.level(depth + 1, full),
      false,
    );
    if (extent % lanes > 0) this.level(depth + 1, { lanes, count: extent % lanes, shift: 0 });
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

  private instructionsAt(depth: number, lanes: Lanes): void {
    for (const index of this.atDepth[depth]!) {
      this.instruction(this.schedule.body[index]!, index, lanes);
      this.fn.set(this.results[index]!);
    }
  }

  private instruction(instruction: Instruction, index: number, lanes: Lanes): void {
    const { fn, schedule } = this;
    const along = (strides: readonly number[]): number =>
      schedule.vector < 0 ? 0 : strides[schedule.vector]!;
    if (instruction.kind === "load")
      loadLanes(
        fn,
        this.pointers,
        this.loads[index]!,
        instruction.dtype,
        along(instruction.view.strides),
        lanes,
      );
    else if (instruction.kind === "index") {
      const stride = along(instruction.view.strides);
      fn.get(this.counters[index]!);
      fn.op("i32x4.splat");
      fn.v128({
        i32x4: [0, 1, 2, 3].map((lane) => instruction.view.offset + (lane + lanes.shift) * stride),
      });
      fn.op("i32x4.add");
      if (instruction.dtype === "float32") fn.op("f32x4.convert_i32x4_s");
      if (instruction.dtype === "float64") fn.op("f64x2.convert_low_i32x4_s");
      if (instruction.dtype === "bool") fn.op("i32x4.neg");
    } else
      emitInstruction(
        this.context,
        fn,
        instruction,
        this.results,
        (operand) => schedule.body[operand]!.dtype,
        lanes.count,
      );
  }

  /** Stores and accumulations, inside all loops. */
  private innermost(lanes: Lanes, copy: number): void {
    const { fn, schedule, pointers } = this;
    schedule.stores.forEach(({ instruction, value, view }, index) => {
      const stride = schedule.vector < 0 ? 0 : view.strides[schedule.vector]!;
      storeLanes(fn, pointers, this.storePlaces[index]!, value.dtype, stride, lanes, () =>
        fn.get(this.results[instruction]!),
      );
    });
    for (const { reduction, registers, out, partial } of this.running) {
      const { op, value, accumulation, axes } = reduction;
      const x = (): void => fn.get(this.results[reduction.instruction]!);
      const alive = axes.includes(schedule.vector) ? lanes.count : lanes.lanes;
      if (accumulation.kind === "register")
        accumulate(fn, op, value.dtype, registers[copy]!, x, alive, lanes.lanes);
      else if (accumulation.kind === "lanes") {
        const vector = fn.local("v128");
        fn.load("v128.load", pointers.push(partial!));
        fn.set(vector);
        accumulate(fn, op, value.dtype, vector, x, alive, lanes.lanes);
        const offset = pointers.push(partial!);
        fn.get(vector);
        fn.store("v128.store", offset);
      } else {
        const stride = reduction.view.strides[schedule.vector]!;
        storeLanes(fn, pointers, out, value.dtype, stride, lanes, () => {
          loadLanes(fn, pointers, out, value.dtype, stride, lanes);
          x();
          combine(fn, op, value.dtype);
        });
      }
    }
  }

  /** Writes a reduction that grew in registers, once its loops are over. */
  private finish(
    reduction: ScheduledReduction,
    registers: readonly Local[],
    out: Place,
    depth: number,
    lanes: Lanes,
  ): void {
    const { fn, schedule } = this;
    const { op, value } = reduction;
    const [first, ...others] = registers as [Local, ...Local[]];
    for (const other of others)
      accumulate(fn, op, value.dtype, first, () => fn.get(other), lanes.lanes, lanes.lanes);
    if (schedule.vector >= depth) {
      foldLanes(fn, op, value.dtype, first, lanes.lanes);
      storeLanes(fn, this.pointers, out, value.dtype, 0, { ...lanes, count: 1 }, () =>
        fn.get(first),
      );
    } else
      storeLanes(
        fn,
        this.pointers,
        out,
        value.dtype,
        reduction.view.strides[schedule.vector]!,
        lanes,
        () => fn.get(first),
      );
  }

  /** Runs `body` for every output of a reduction, with the walks there. */
  private eachPartial(reduction: ScheduledReduction, body: () => void): void {
    const { schedule } = this;
    const loops = (depth: number): void => {
      if (depth === schedule.extents.length) body();
      else if (reduction.axes.includes(depth)) loops(depth + 1);
      else this.repeat(depth, schedule.extents[depth]!, 1, () => loops(depth + 1), true);
    };
    loops(0);
  }
}

/** Copies of the innermost body in flight: short bodies wait less for each other's results. */
function unrollOf({ extents, vector, lanes, body, depth, reductions }: Schedule): number {
  if (vector < 0 || vector !== extents.length - 1) return 1;
  if (reductions.some((reduction) => reduction.accumulation.kind === "lanes")) return 1;
  const vectors = Math.floor(extents[vector]! / lanes);
  const work = body.reduce(
    (sum, instruction, index) =>
      depth[index] === extents.length
        ? sum + (instruction.kind === "unary" && instruction.op.length > 3 ? 20 : 1)
        : sum,
    0,
  );
  const copies = work <= 10 ? 4 : work <= 40 ? 2 : 1;
  return vectors >= 4 * copies ? copies : 1;
}

function outputsOf(schedule: Schedule, reduction: ScheduledReduction): number {
  return schedule.extents.reduce(
    (product, extent, axis) => (reduction.axes.includes(axis) ? product : product * extent),
    1,
  );
}

/** Scratch memory that partial vectors of a schedule's reductions take. */
export function partialBytes(schedule: Schedule): number {
  return schedule.reductions.reduce(
    (sum, reduction) =>
      reduction.accumulation.kind === "lanes" ? sum + 16 * outputsOf(schedule, reduction) : sum,
    0,
  );
}

/** Bytes between partial vectors: one for each index of the axes that stay. */
function partialStrides(schedule: Schedule, reduction: ScheduledReduction): number[] {
  const strides = new Array<number>(schedule.extents.length).fill(0);
  let stride = 16;
  for (let axis = schedule.extents.length - 1; axis >= 0; axis--) {
    if (reduction.axes.includes(axis)) continue;
    strides[axis] = stride;
    stride *= schedule.extents[axis]!;
  }
  return strides;
}
