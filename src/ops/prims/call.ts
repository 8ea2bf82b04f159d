/** @file Graphs applied as one node (composite, and call, which has its own backward rule) and host (an operation with its own rules). */
import { AdjointError, ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import type { TensorType } from "../../ir/graph.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import type { AnyGraph } from "../../ir/value.ts";
import type { Rules } from "../rules.ts";

function outputsFor(
  inputs: readonly TensorType[],
  { graph, name }: { readonly graph: AnyGraph; readonly name: string },
): TensorType[] {
  if (inputs.length !== graph.inputs.length)
    throw new ArgumentError(
      complaint(name, `${graph.inputs.length} inputs`, String(inputs.length)),
    );
  for (const [i, input] of inputs.entries()) {
    const { shape, dtype } = graph.inputs[i]!;
    if (!sameShape(shape, input.shape) || dtype !== input.dtype)
      throw new ShapeError(
        complaint(
          name,
          `${dtype}${formatShape(shape)} as input ${i}`,
          `${input.dtype}${formatShape(input.shape)}`,
        ),
      );
  }
  return graph.outputs.map(({ shape, dtype }) => ({ shape, dtype }));
}

/** Rules of graphs and operations applied as one node. */
export const callRules: { [P in "composite" | "call" | "host"]: Rules<P> } = {
  composite: { infer: outputsFor, differentiable: true, vjp: "inline", jvp: "inline" },
  call: {
    infer: outputsFor,
    differentiable: true,
    vjp({ inputs, outputs, params, cotangents, wrt }) {
      const gradients = params.vjp(inputs, outputs, cotangents);
      const closedOver = wrt.findIndex((wanted, i) => wanted && i >= gradients.length);
      if (closedOver !== -1)
        throw new ArgumentError(
          complaint(
            params.name,
            "every tensor that is differentiated to be an argument",
            `one closed over (${inputs[closedOver]!.toString()})`,
            "The backward rule knows arguments only: pass it as one.",
          ),
        );
      return inputs.map((_, i) => gradients[i]);
    },
    jvp: "inline",
  },
  host: {
    infer: (_, { op }) => op.outputs.map(({ shape, dtype }) => ({ shape, dtype })),
    differentiable: true,
    vjp({ inputs, outputs, params: { op }, cotangents, wrt }) {
      if (op.vjp === undefined) throw notDifferentiable(op.name, "backward (grad, vjp)");
      return op.vjp(inputs, outputs, cotangents, wrt);
    },
    jvp({ inputs, outputs, params: { op }, tangents }) {
      if (op.jvp === undefined) throw notDifferentiable(op.name, "forward (jvp)");
      return op.jvp(inputs, outputs, tangents);
    },
  },
};

function notDifferentiable(name: string, mode: string): AdjointError {
  return new AdjointError(
    complaint(
      name,
      `an operation that can be differentiated ${mode}`,
      "one without that rule",
      "Use another mode, or stopGradient on its inputs.",
    ),
  );
}
