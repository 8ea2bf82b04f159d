/**
 * @file The way back over a forward solve's steps. A trail records times and sizes of all accepted steps, the place of each output, and
 * the states at some steps; rewinding visits the steps from the last to the first with the state at the start of each, computing
 * again what was not kept (Griewank and Walther 2008, chapter 12).
 */
import type { TensorType } from "../../ir/graph.ts";
import type { HostContext, Pointer, Procedure } from "../../ir/host.ts";
import type { Watchers } from "../loop.ts";
import { sizeInBytes } from "../packing.ts";
import type { Recorder } from "../solve-node.ts";
import type { StepGraph, Stepper } from "../stepper.ts";

/**
 * What a backward solve by the discrete adjoint reads. With a limit on states, every 2^k-th step keeps its state; whenever the places run
 * out, every other one is given up, so that a solve of unknown length is covered evenly by at least half of the places.
 */
export class Trail implements Recorder {
  /** Whether a run has been recorded to its end. */
  complete = false;
  /** Accepted steps. */
  count = 0;
  t: Float64Array = new Float64Array(64);
  h: Float64Array = new Float64Array(64);
  /** Steps between two kept states. */
  stride = 1;
  /** The step in which an output lies, -1 for outputs at the first time; and its place in the step, 1 for its end. */
  readonly stepOf: Int32Array;
  readonly thetaOf: Float64Array;
  readonly watch: Pick<Watchers, "onAccept" | "onOutput">;
  readonly #context: HostContext;
  readonly #stepper: Stepper;
  readonly #bytes: readonly number[];
  readonly #limit: number;
  readonly #blocks: Pointer[];
  #capacity: number;

  /** `state`: types of the stepper's state. `limit`: states to keep at most, at least 2; Infinity keeps all. */
  constructor(
    context: HostContext,
    stepper: Stepper,
    state: readonly TensorType[],
    rows: number,
    limit: number,
  ) {
    this.#context = context;
    this.#stepper = stepper;
    this.#bytes = state.map(sizeInBytes);
    this.#limit = limit;
    this.stepOf = new Int32Array(rows);
    this.thetaOf = new Float64Array(rows);
    this.#capacity = Math.min(limit, 16);
    this.#blocks = this.#bytes.map((bytes) => allocateBytes(context, bytes * this.#capacity));
    this.watch = {
      onAccept: (t, h) => this.#push(t, h),
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

  /** Where the state at the start of a step is kept; `step` must be a multiple of `stride`. */
  state(step: number): Pointer[] {
    return this.#blocks.map((block, leaf) => block + (step / this.stride) * this.#bytes[leaf]!);
  }

  #push(t: number, h: number): void {
    const step = this.count++;
    if (step >= this.t.length) {
      this.t = doubled(this.t);
      this.h = doubled(this.h);
    }
    this.t[step] = t;
    this.h[step] = h;
    if (step % this.stride !== 0) return;
    let slot = step / this.stride;
    if (slot >= this.#capacity) {
      if (this.#capacity < this.#limit) this.#grow();
      else {
        this.#thin();
        if (step % this.stride !== 0) return;
        slot = step / this.stride;
      }
    }
    const { state } = this.#stepper;
    const blocks = this.#blocks;
    for (let leaf = 0; leaf < blocks.length; leaf++) {
      const bytes = this.#bytes[leaf]!;
      this.#context.copy(blocks[leaf]! + slot * bytes, state[leaf]!, bytes);
    }
  }

  #grow(): void {
    const before = this.#capacity;
    const capacity = Math.min(this.#limit, 2 * before);
    this.#bytes.forEach((bytes, leaf) => {
      const block = this.#blocks[leaf]!;
      this.#blocks[leaf] = this.#context.reallocate(block, bytes * before, bytes * capacity);
    });
    this.#capacity = capacity;
  }

  #thin(): void {
    this.stride *= 2;
    this.#bytes.forEach((bytes, leaf) => {
      const block = this.#blocks[leaf]!;
      for (let slot = 1; 2 * slot < this.#capacity; slot++)
        this.#context.copy(block + slot * bytes, block + 2 * slot * bytes, bytes);
    });
  }
}

/** Called for each step with the state at its start. */
export type Visit = (step: number, state: readonly Pointer[]) => void;

interface Level {
  readonly places: readonly Pointer[];
  /** For states that only lead on to kept ones, by turns. */
  readonly passing: readonly (readonly Pointer[])[];
}

/**
 * Walks over recorded steps from the last to the first. States are read from the trail, or computed again from the nearest kept one, in
 * levels: level 0 lies between states of the trail, level 1 between those of level 0, and so on; each has as many places as the trail.
 */
export class Rewind {
  /** Evaluations of f that went into states computed again. */
  evaluations = 0;
  readonly #context: HostContext;
  readonly #step: StepGraph;
  readonly #state: readonly TensorType[];
  readonly #bytes: readonly number[];
  readonly #limit: number;
  readonly #levels: Level[] = [];
  #forward: { readonly scalars: Pointer; readonly procedure: Procedure } | undefined;
  #parameters: readonly Pointer[] = [];

  /** `step`: a step without slopes. `limit`: states per level. */
  constructor(context: HostContext, step: StepGraph, limit: number) {
    const { y, carried } = step.outputs.split(step.outputs.types);
    this.#context = context;
    this.#step = step;
    this.#state = [...y, ...carried];
    this.#bytes = this.#state.map(sizeInBytes);
    this.#limit = limit;
  }

  /** Visits all steps of a trail, last to first. */
  run(trail: Trail, parameters: readonly Pointer[], visit: Visit): void {
    this.evaluations = 0;
    this.#parameters = parameters;
    const { stride, count } = trail;
    for (let from = Math.floor((count - 1) / stride) * stride; from >= 0; from -= stride)
      this.#part(trail, from, Math.min(count, from + stride), trail.state(from), 0, visit);
  }

  /** Visits steps [from, to), the first of which sets out from `state`. */
  #part(
    trail: Trail,
    from: number,
    to: number,
    state: readonly Pointer[],
    depth: number,
    visit: Visit,
  ): void {
    const length = to - from;
    if (length === 1) return visit(from, state);
    const stride = Math.ceil(length / this.#limit);
    const parts = Math.ceil(length / stride);
    const { places, passing } = this.#level(depth);
    const kept = (index: number): Pointer[] =>
      places.map((place, leaf) => place + index * this.#bytes[leaf]!);
    let previous = state;
    for (let step = 1; step <= (parts - 1) * stride; step++) {
      const target = step % stride === 0 ? kept(step / stride - 1) : passing[step % 2]!;
      this.#advance(trail, from + step - 1, previous, target);
      previous = target;
    }
    for (let index = parts - 1; index >= 0; index--) {
      const start = from + index * stride;
      const first = index === 0 ? state : kept(index - 1);
      this.#part(trail, start, Math.min(to, start + stride), first, depth + 1, visit);
    }
  }

  #advance(trail: Trail, step: number, from: readonly Pointer[], to: readonly Pointer[]): void {
    const { inputs, outputs, evaluations } = this.#step;
    const { scalars, procedure } = (this.#forward ??= this.#compile());
    const block = this.#context.view("float64", scalars, 2);
    block[0] = trail.t[step]!;
    block[1] = trail.h[step]!;
    procedure.bindInputs(inputs.start.y, from);
    procedure.bindInputs(inputs.start.parameters, this.#parameters);
    procedure.bindOutputs(outputs.start.y, to);
    procedure.run();
    this.evaluations += evaluations;
  }

  #compile(): { scalars: Pointer; procedure: Procedure } {
    const scalars = this.#context.allocate({ shape: [2], dtype: "float64" });
    const { graph, inputs } = this.#step;
    const procedure = this.#context.compile(graph, "discrete/forward");
    procedure.bindInput(inputs.start.t, scalars);
    procedure.bindInput(inputs.start.h, scalars + 8);
    return { scalars, procedure };
  }

  #level(depth: number): Level {
    const state = (): Pointer[] => this.#state.map((type) => this.#context.allocate(type));
    return (this.#levels[depth] ??= {
      places: this.#bytes.map((size) => allocateBytes(this.#context, size * (this.#limit - 1))),
      passing: [state(), state()],
    });
  }
}

/** Memory by its size in bytes. */
function allocateBytes(context: HostContext, bytes: number): Pointer {
  return context.allocate({ shape: [Math.ceil(bytes / 8)], dtype: "float64" });
}

function doubled(array: Float64Array): Float64Array {
  const larger = new Float64Array(2 * array.length);
  larger.set(array);
  return larger;
}
