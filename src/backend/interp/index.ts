/**
 * @file The plain backend evaluates the nodes of a kernel one by one in JavaScript: slow, easy to check, and the
 * reference for the fast one. Its memory is one ArrayBuffer.
 */
import type { Backend, Memory } from "../backend.ts";
import { InternalError, complaint } from "../../base/errors.ts";
import type { Node, TensorType, Value } from "../../ir/graph.ts";
import type { Pointer } from "../../ir/host.ts";
import type { Kernel, Place } from "../../ir/kernel.ts";
import { formatShape, sizeOf } from "../../ir/shape.ts";
import { wasmTarget } from "../wasm/target.ts";
import { convRules, matmulRules, poolRules } from "./windows.ts";
import { elementwiseRules, randomRules } from "./numeric.ts";
import { indexingRules, reduceRules, viewRules } from "./arrays.ts";
import type { Elements, KernelPrim, Operand, Rule, Rules } from "./rule.ts";
import { Allocator } from "../allocator.ts";

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
    target: wasmTarget,
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

// The interpreter's memory: one ArrayBuffer, replaced by a larger copy when it is full.

/** Addresses are int32 in slots, and ArrayBuffers above 2 GiB are not had everywhere. */
const largest = 2 ** 31 - 64;

/** A memory of plain JavaScript. `initial` is its first size in bytes. */
export function createArrayMemory(initial: number = 1 << 16): Memory {
  let u8 = new Uint8Array(0);
  let f32 = new Float32Array(0);
  let f64 = new Float64Array(0);
  let i32 = new Int32Array(0);

  const grow = (end: number): number => {
    if (end > largest)
      throw new RangeError(complaint("interp memory", `at most ${largest} bytes`, `${end} bytes`));
    const size = Math.min(largest, (Math.max(initial, end, 2 * u8.length) + 63) & ~63);
    const buffer = new ArrayBuffer(size);
    new Uint8Array(buffer).set(u8);
    u8 = new Uint8Array(buffer);
    f32 = new Float32Array(buffer);
    f64 = new Float64Array(buffer);
    i32 = new Int32Array(buffer);
    return size;
  };
  const allocator = new Allocator({ grow, clear: (start, end) => void u8.fill(0, start, end) });

  return {
    allocate: (bytes) => allocator.allocate(bytes),
    free: (pointer, bytes) => allocator.free(pointer, bytes),
    clear: (pointer, bytes) => void u8.fill(0, pointer, pointer + bytes),
    copy: (to, from, bytes) => void u8.copyWithin(to, from, from + bytes),
    get used() {
      return allocator.used;
    },
    stable: false,
    get f32() {
      return f32;
    },
    get f64() {
      return f64;
    },
    get i32() {
      return i32;
    },
    get u8() {
      return u8;
    },
  };
}
