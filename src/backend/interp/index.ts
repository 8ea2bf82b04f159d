// The plain backend: evaluates a kernel's nodes one by one. Slow and easy to believe; the oracle of the fast one.
import type { Backend } from "../backend.ts";
import { InternalError, complaint } from "../../base/errors.ts";
import type { Node, TensorType, Value } from "../../ir/graph.ts";
import type { Pointer } from "../../ir/host.ts";
import type { Kernel, Place } from "../../ir/kernel.ts";
import { formatShape, sizeOf } from "../../ir/shape.ts";
import { convRules } from "./conv.ts";
import { elementwiseRules } from "./elementwise.ts";
import { indexingRules } from "./indexing.ts";
import { matmulRules } from "./matmul.ts";
import { createArrayMemory } from "./memory.ts";
import { poolRules } from "./pool.ts";
import { randomRules } from "./random.ts";
import { reduceRules } from "./reduce.ts";
import type { Elements, KernelPrim, Operand, Rule, Rules } from "./rule.ts";
import { viewRules } from "./views.ts";

/** A rule for every primitive a kernel may contain: one that is missing does not compile. */
const rules: Rules<KernelPrim> = {
  ...elementwiseRules,
  ...viewRules,
  ...reduceRules,
  ...matmulRules,
  ...convRules,
  ...poolRules,
  ...indexingRules,
  ...randomRules,
};

const describeType = ({ dtype, shape }: TensorType): string => `${dtype}${formatShape(shape)}`;

/** Elements of a node's one output. Throws InternalError for `call` and `host`, and when rule and type disagree. */
export function evaluateNode(node: Node, inputs: readonly Operand[]): Elements {
  const rule = (rules as Partial<Record<string, Rule<KernelPrim>>>)[node.prim];
  if (rule === undefined) {
    throw new InternalError(
      complaint("interp", "a primitive that runs inside kernels", `"${node.prim}"`),
    );
  }
  const type = node.outputs[0]!;
  const elements = rule(node.params as never, inputs, type);
  if (elements.length !== sizeOf(type.shape)) {
    throw new InternalError(
      complaint(`interp ${node.prim}`, describeType(type), `${elements.length} elements`),
    );
  }
  return elements;
}

/**
 * A backend over plain JavaScript arrays. It ignores a kernel's `work`, so that wrong lowerings show; float32 results are
 * rounded after every primitive, sums and products of many elements are accumulated in double precision.
 */
export function createInterpBackend(): Backend {
  const memory = createArrayMemory();

  const view = (type: TensorType, pointer: Pointer): Elements => {
    const size = sizeOf(type.shape);
    if (type.dtype === "float64") return memory.f64.subarray(pointer / 8, pointer / 8 + size);
    const all = type.dtype === "float32" ? memory.f32 : memory.i32;
    return all.subarray(pointer / 4, pointer / 4 + size);
  };

  const run = (kernel: Kernel, addressOf: (value: Value) => Pointer): void => {
    const known = new Map<Value, Operand>();
    for (const value of kernel.inputs) {
      known.set(value, {
        shape: value.shape,
        dtype: value.dtype,
        elements: view(value, addressOf(value)).slice(),
      });
    }
    const find = (value: Value): Operand => {
      const operand = known.get(value);
      if (operand !== undefined) return operand;
      const got = `value ${value.id} (${describeType(value)}), which is neither`;
      throw new InternalError(
        complaint(`kernel ${kernel.name}`, "an input or an earlier node's output", got),
      );
    };
    for (const node of kernel.nodes) {
      const elements = evaluateNode(node, node.inputs.map(find));
      const { shape, dtype } = node.outputs[0]!;
      known.set(node.outputs[0]!, { shape, dtype, elements });
    }
    for (const value of kernel.outputs) view(value, addressOf(value)).set(find(value).elements);
  };

  return {
    name: "interp",
    memory,
    threads: 1,
    setThreads() {},
    compile(segments) {
      return segments.map(({ kernels, place, slots }) => {
        const addressOf = (value: Value): Pointer => {
          const found: Place = place(value);
          return found.kind === "address" ? found.address : memory.i32[slots / 4 + found.slot]!;
        };
        return () => {
          for (const kernel of kernels) run(kernel, addressOf);
        };
      });
    },
  };
}
