/** @file Finds the stage at which a step stops being finite: compiled and run only when a solve has failed. */
import type { HostContext, Pointer } from "../ir/host.ts";
import { sizeOf } from "../ir/shape.ts";
import type { StepMachine } from "./machine.ts";
import { wholeStepGraph } from "./step-graphs.ts";

type Diagnosis = (t: number, h: number) => number | undefined;

/** Kept by machine: a program may fail every time it runs. */
const diagnoses = new WeakMap<StepMachine, Diagnosis>();

/** The first stage (from 1) with a value that is not finite in the step of size h from (t, machine.y); undefined if all are finite. */
export function diagnoseStage(
  machine: StepMachine,
  context: HostContext,
  t: number,
  h: number,
): number | undefined {
  let diagnosis = diagnoses.get(machine);
  if (diagnosis === undefined) diagnoses.set(machine, (diagnosis = prepare(machine, context)));
  return diagnosis(t, h);
}

function prepare(machine: StepMachine, context: HostContext): Diagnosis {
  const { plan } = machine;
  const { state } = plan.field;
  const procedure = context.compile(wholeStepGraph(plan, true), "ode/diagnose");
  const scalars = context.allocate({ shape: [2], dtype: "float64" });
  procedure.bindInput(0, scalars);
  procedure.bindInput(1, scalars + 8);
  state.forEach((type, leaf) => procedure.bindOutput(leaf, context.allocate(type)));
  const stages: Pointer[][] = Array.from({ length: plan.solver.interpolant.stages }, () =>
    state.map((type) => context.allocate(type)),
  );
  stages.flat().forEach((pointer, index) => procedure.bindOutput(state.length + index, pointer));
  return (t, h) => {
    machine.y.forEach((pointer, leaf) => procedure.bindInput(2 + leaf, pointer));
    machine.boundParameters.forEach((pointer, index) =>
      procedure.bindInput(2 + state.length + index, pointer),
    );
    const block = context.view("float64", scalars, 2);
    block[0] = t;
    block[1] = h;
    procedure.run();
    const bad = stages.findIndex((leaves) =>
      leaves.some((pointer, leaf) => {
        const { shape, dtype } = state[leaf]!;
        return context.view(dtype, pointer, sizeOf(shape)).some((value) => !Number.isFinite(value));
      }),
    );
    return bad === -1 ? undefined : bad + 1;
  };
}
