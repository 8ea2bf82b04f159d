/** @file Views of views that leave nothing to do: a part of what was just joined. */
import type { Pattern } from "../step.ts";

/** The slice of a concatenation that is one of its parts: the last of the states that a solve puts out. */
const part: Pattern = {
  name: "part of a concatenation",
  match: (value, see) => {
    const cut = see.node(value, "slice");
    const joined = cut && see.node(cut.inputs[0]!, "concat");
    if (joined === undefined) return undefined;
    const { axis } = joined.params;
    const { start, stop, step } = cut!.params;
    const shape = cut!.inputs[0]!.shape;
    const others = shape.every(
      (extent, i) => step[i] === 1 && (i === axis || (start[i] === 0 && stop[i] === extent)),
    );
    let at = 0;
    for (const input of others ? joined.inputs : []) {
      const end = at + input.shape[axis]!;
      if (start[axis] === at && stop[axis] === end)
        return {
          inputs: [input],
          lower: (to) => {
            to.give(value, to.exact(input, to.commonLayout([input])));
          },
        };
      at = end;
    }
    return undefined;
  },
};

/** Patterns of views. */
export const viewPatterns: readonly Pattern[] = [part];
