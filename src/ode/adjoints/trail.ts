/**
 * @file The trail of a forward solve: times and sizes of all accepted steps, where each output lies, and states at some steps.
 * With a limit on states, every 2^k-th step keeps its state; whenever the places run out, every other one is given up
 * (so a solve of unknown length is covered evenly by at least half of the places).
 */
import type { HostContext, Pointer } from "../../ir/host.ts";
import type { Watchers } from "../loop.ts";
import type { StepMachine } from "../machine.ts";
import type { Recorder } from "../problem.ts";

/** What a backward solve by the discrete adjoint reads. */
export class Trail implements Recorder {
  /** Whether a run has been recorded to its end. */
  complete = false;
  /** Accepted steps. */
  count = 0;
  t: Float64Array = new Float64Array(64);
  h: Float64Array = new Float64Array(64);
  /** Steps between two kept states. */
  stride = 1;
  /** The step in which output `row` lies, -1 for outputs at the first time; and where in it, 1 for its end. */
  readonly stepOf: Int32Array;
  readonly thetaOf: Float64Array;
  readonly watch: Pick<Watchers, "onAccept" | "onOutput">;
  private readonly context: HostContext;
  private readonly machine: StepMachine;
  private readonly limit: number;
  private readonly blocks: Pointer[];
  private capacity: number;

  /** `limit`: states to keep at most, at least 2; Infinity keeps all. */
  constructor(context: HostContext, machine: StepMachine, rows: number, limit: number) {
    this.context = context;
    this.machine = machine;
    this.limit = limit;
    this.stepOf = new Int32Array(rows);
    this.thetaOf = new Float64Array(rows);
    this.capacity = Math.min(limit, 16);
    this.blocks = machine.leafBytes.map((bytes) => allocateBytes(context, bytes * this.capacity));
    this.watch = {
      onAccept: (t, h) => this.push(t, h),
      onOutput: (row, theta) => {
        this.stepOf[row] = this.count;
        this.thetaOf[row] = theta;
      },
    };
  }

  begin(): void {
    this.complete = false;
    this.count = 0;
    this.stride = 1;
    this.stepOf.fill(-1);
  }

  finish(): void {
    this.complete = true;
  }

  /** Where the state at the start of a step lies that is a multiple of `stride`. */
  state(step: number, leaf: number): Pointer {
    return this.blocks[leaf]! + (step / this.stride) * this.machine.leafBytes[leaf]!;
  }

  private push(t: number, h: number): void {
    const step = this.count++;
    if (step >= this.t.length) {
      this.t = doubled(this.t);
      this.h = doubled(this.h);
    }
    this.t[step] = t;
    this.h[step] = h;
    if (step % this.stride !== 0) return;
    let slot = step / this.stride;
    if (slot >= this.capacity) {
      if (this.capacity < this.limit) this.grow();
      else {
        this.thin();
        if (step % this.stride !== 0) return;
        slot = step / this.stride;
      }
    }
    const { machine, context, blocks } = this;
    for (let leaf = 0; leaf < blocks.length; leaf++) {
      const bytes = machine.leafBytes[leaf]!;
      context.copy(blocks[leaf]! + slot * bytes, machine.y[leaf]!, bytes);
    }
  }

  private grow(): void {
    const capacity = Math.min(this.limit, 2 * this.capacity);
    this.machine.leafBytes.forEach((bytes, leaf) => {
      this.blocks[leaf] = this.context.reallocate(
        this.blocks[leaf]!,
        bytes * this.capacity,
        bytes * capacity,
      );
    });
    this.capacity = capacity;
    this.machine.refresh();
  }

  private thin(): void {
    this.stride *= 2;
    this.machine.leafBytes.forEach((bytes, leaf) => {
      const block = this.blocks[leaf]!;
      for (let slot = 1; 2 * slot < this.capacity; slot++)
        this.context.copy(block + slot * bytes, block + 2 * slot * bytes, bytes);
    });
  }
}

/** Memory by its size in bytes. */
export function allocateBytes(context: HostContext, bytes: number): Pointer {
  return context.allocate({ shape: [Math.ceil(bytes / 8)], dtype: "float64" });
}

function doubled(array: Float64Array): Float64Array {
  const larger = new Float64Array(2 * array.length);
  larger.set(array);
  return larger;
}
