/**
 * @file The augmented adjoint system (Chen et al. 2018, appendix B): with a = dL/dz, along a solution
 * dz/dt = f, da/dt = -a df/dz, d(a_p)/dt = -a df/dp for every parameter p that is wanted.
 * There is no time channel: derivatives by times have closed forms (time-gradient.ts).
 */
import { typeOf } from "../../ir/graph.ts";
import { trace } from "../../ir/trace.ts";
import { vjpGraph } from "../../autodiff/vjp-graph.ts";
import { tidy } from "../../compile/passes/index.ts";
import { zeros } from "../../ops/creation.ts";
import { neg } from "../../ops/elementwise.ts";
import type { Field } from "../field.ts";

/** State z, then a, then a_p of the wanted parameters; parameters as the field's. */
export function augmentedField(field: Field, wanted: readonly number[]): Field {
  const { state, parameters, time } = field;
  const leaves = state.length;
  const types = [...state, ...state, ...wanted.map((index) => typeOf(parameters[index]!))];
  const { graph } = trace(
    (t, ...rest) => {
      const z = rest.slice(0, leaves);
      const a = rest.slice(leaves, 2 * leaves);
      const values = rest.slice(types.length);
      const wrt = [
        false,
        ...z.map(() => true),
        ...values.map((_, index) => wanted.includes(index)),
      ];
      const { outputs, pullback } = vjpGraph(field.graph, [t!, ...z, ...values], wrt);
      const gradients = pullback(a.map((leaf) => neg(leaf)));
      const chosen = [...z.keys(), ...wanted.map((index) => leaves + index)];
      return [
        ...outputs,
        ...chosen.map(
          (index, position) =>
            gradients[1 + index] ??
            zeros(types[leaves + position]!.shape, { dtype: types[leaves + position]!.dtype }),
        ),
      ];
    },
    [time, ...types, ...parameters],
  );
  // Every stage of a step repeats this graph: the smaller it is, the sooner the step is compiled.
  return { graph: tidy(graph), state: types, parameters, time };
}
