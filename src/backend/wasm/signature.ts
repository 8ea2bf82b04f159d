/** @file What a kernel is apart from where its values lie: kernels of one signature share one function. */
import type { Value } from "../../ir/graph.ts";
import type { Instruction, Kernel, LoopNest, MatrixView, View } from "../../ir/kernel.ts";
import { formatParams } from "../../ir/print.ts";

/** Equal keys mean equal code, given the addresses of `values` in order. */
export interface Signature {
  readonly key: string;
  /** The values in memory that the kernel touches, in order of first mention. */
  readonly values: readonly Value[];
}

export function signatureOf({ work }: Pick<Kernel, "work">): Signature {
  const values: Value[] = [];
  const name = (value: Value): string => {
    let index = values.indexOf(value);
    if (index < 0) index = values.push(value) - 1;
    return `${index}:${value.dtype}`;
  };
  const typed = (value: Value): string => `${name(value)}[${value.shape.join()}]`;
  switch (work.kind) {
    case "loops":
      return { key: work.nests.map((nest) => nestKey(nest, name)).join("|"), values };
    case "matmul": {
      const { batch, m, k, n, a, b, out, dtype, invariant } = work;
      const matrix = (view: MatrixView): string =>
        `${name(view.value)},${view.offset},${view.batch.join()},${view.row},${view.column}`;
      return {
        key: `matmul ${dtype} ${invariant} ${batch.join()} ${m} ${k} ${n} ${matrix(a)} ${matrix(b)} ${typed(out)}`,
        values,
      };
    }
    case "conv": {
      const { shape, algorithm, x, kernel, out, epilogue } = work;
      // Sums that the epilogue alone sees have no place in memory.
      const stored = epilogue === undefined || epilogue.stores.some(({ value }) => value === out);
      const place = (value: Value): string => (value === out && !stored ? "sum" : name(value));
      const operands = `${name(x)} ${name(kernel)} ${place(out)}`;
      const end = epilogue === undefined ? "" : nestKey(epilogue, place);
      return { key: `conv ${algorithm} ${JSON.stringify(shape)} ${operands} ${end}`, values };
    }
    case "convFilter": {
      const { shape, algorithm, x, gradient, out } = work;
      const operands = `${name(x)} ${name(gradient)} ${name(out)}`;
      return { key: `convFilter ${algorithm} ${JSON.stringify(shape)} ${operands}`, values };
    }
    case "prepareKernel": {
      const { shape, algorithm, kernel, out } = work;
      const operands = `${name(kernel.value)}${viewKey(kernel.view)} ${name(out)}`;
      return { key: `prepareKernel ${algorithm} ${JSON.stringify(shape)} ${operands}`, values };
    }
    case "direct":
    case "host": {
      const out = work.kind === "direct" ? [work.out] : work.outputs;
      const operands = [...work.inputs, ...out].map(typed).join();
      // Memory may hold what the node sees under another shape.
      const seen = work.node.inputs.map(({ shape }) => `[${shape.join()}]`).join();
      return {
        key: `${work.node.prim} ${formatParams(work.node)} ${operands} ${seen}`,
        values,
      };
    }
  }
}

function nestKey(
  { extents, body, stores, reductions }: LoopNest,
  name: (value: Value) => string,
): string {
  let key = `[${extents.join()}]`;
  for (const instruction of body) key += ` ${instructionKey(instruction, name)}`;
  for (const { instruction, value, view } of stores)
    key += ` !${instruction}>${name(value)}${viewKey(view)}`;
  for (const { instruction, value, view, op, axes, invariant } of reductions)
    key += ` ${op}${instruction}>${name(value)}${viewKey(view)}/${axes.join()}${invariant === undefined ? "" : JSON.stringify(invariant)}`;
  return key;
}

const viewKey = ({ offset, strides }: View): string => `@${offset},${strides.join()}`;

function instructionKey(instruction: Instruction, name: (value: Value) => string): string {
  const { kind, dtype } = instruction;
  switch (kind) {
    case "load":
      return `load${name(instruction.value)}${viewKey(instruction.view)}`;
    case "literal":
      return `${dtype}${Object.is(instruction.literal, -0) ? "-0" : instruction.literal}`;
    case "index":
      return `index${dtype}${viewKey(instruction.view)}`;
    case "unary":
      return `${instruction.op}${dtype}(${instruction.x})`;
    case "binary":
    case "compare":
      return `${instruction.op}${dtype}(${instruction.x},${instruction.y})`;
    case "select":
      return `?${dtype}(${instruction.condition},${instruction.x},${instruction.y})`;
    case "cast":
      return `cast${dtype}(${instruction.x})`;
    case "shiftRight":
      return `>>>(${instruction.x},${instruction.bits})`;
  }
}
