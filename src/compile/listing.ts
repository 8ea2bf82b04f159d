/** @file The listing of a program: its graph, what each kernel does, and where values are stored. */
import type { Value } from "../ir/graph.ts";
import type { Instruction, Kernel, LoopNest, Work } from "../ir/kernel.ts";
import { Names, formatGraph, formatNode } from "../ir/print.ts";
import type { Program } from "./program.ts";

/** What `jit(f).listing()` shows. */
export function listingOf(program: Program): string {
  const names = new Names();
  const { kernels, plan } = program;
  const lines = [
    `program ${program.name}`,
    "",
    "graph (optimised)",
    formatGraph(program.graph, names),
    "",
    `kernels (${kernels.length})`,
  ];
  for (const kernel of kernels) lines.push(...formatKernel(kernel, names));
  lines.push(
    "",
    `memory  ${plan.bytes} bytes for values between kernels (${plan.unshared} without sharing)`,
  );
  for (const [value, offset] of plan.offsets)
    lines.push(`  ${String(offset).padStart(8)}  ${names.typed(value)}`);
  return lines.join("\n");
}

function formatKernel(kernel: Kernel, names: Names): string[] {
  const list = (values: readonly Value[]): string =>
    values.map((value) => names.of(value)).join(" ");
  return [
    `  ${kernel.name}  (${list(kernel.inputs)}) -> (${list(kernel.outputs)})`,
    ...formatWork(kernel.work, names).map((line) => `    ${line}`),
  ];
}

function formatWork(work: Work, names: Names): string[] {
  switch (work.kind) {
    case "loops":
      return work.nests.flatMap((nest) => formatNest(nest, names));
    case "matmul":
      return [
        `matmul ${work.batch.map((extent) => `${extent} x `).join("")}${work.m} x ${work.k} x ${work.n} ${work.dtype}`,
      ];
    case "conv": {
      const { shape, algorithm, epilogue } = work;
      const [kh, kw] = [shape.kernelHeight, shape.kernelWidth];
      return [
        `${algorithm} ${kh} x ${kw} convolution, ${shape.channels} -> ${shape.filters} channels, ${shape.outHeight} x ${shape.outWidth} pixels, ${shape.dtype}`,
        ...(epilogue === undefined ? [] : formatNest(epilogue, names)),
      ];
    }
    case "convFilter":
      return [`${work.algorithm} gradient of a kernel ${work.out.shape.join(" x ")}`];
    case "prepareKernel":
      return [`kernel ${names.of(work.kernel.value)} laid out for ${work.algorithm}`];
    case "direct":
      return [formatNode(work.node, names)];
    case "host":
      return [`host ${work.node.params.op.name}`];
  }
}

function formatNest(nest: LoopNest, names: Names): string[] {
  const lines = [`loop [${nest.extents.join(", ")}]`];
  nest.body.forEach((instruction, index) =>
    lines.push(`  r${index} = ${formatInstruction(instruction, names)}`),
  );
  for (const { value, instruction } of nest.stores)
    lines.push(`  ${names.of(value)} <- r${instruction}`);
  for (const { value, instruction, op, axes } of nest.reductions)
    lines.push(`  ${names.of(value)} <- ${op} of r${instruction} over axes ${axes.join(", ")}`);
  return lines;
}

function formatInstruction(instruction: Instruction, names: Names): string {
  switch (instruction.kind) {
    case "load":
      return `load ${names.of(instruction.value)} + ${instruction.view.offset} by [${instruction.view.strides.join(", ")}]`;
    case "literal":
      return `${instruction.literal} ${instruction.dtype}`;
    case "index":
      return `index ${instruction.view.offset} by [${instruction.view.strides.join(", ")}]`;
    case "select":
      return `select r${instruction.condition} r${instruction.x} r${instruction.y}`;
    case "cast":
      return `cast r${instruction.x} to ${instruction.dtype}`;
    case "shiftRight":
      return `r${instruction.x} >>> ${instruction.bits}`;
    case "unary":
      return `${instruction.op} r${instruction.x}`;
    default:
      return `${instruction.op} r${instruction.x} r${instruction.y}`;
  }
}
