/**
 * @file Last part of fusion: where a convolution's result is only copied into another order, in which runs of filters become
 * pixels (the images' gradient of a strided convolution), the convolution writes it there itself.
 */
import type { Target } from "../../backend/backend.ts";
import type { Value } from "../../ir/graph.ts";
import type { ConvWork, Kernel, LoopNest } from "../../ir/kernel.ts";

/** Joins such copies, in place of their own kernels, with the convolutions that nobody else reads. */
export function spreadConvolutions(
  kernels: readonly Kernel[],
  outputs: ReadonlySet<Value>,
  target: Target,
): Kernel[] {
  const makers = new Map<Value, Kernel>();
  const readers = new Map<Value, number>();
  for (const kernel of kernels) {
    for (const input of kernel.inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
    for (const output of kernel.outputs) makers.set(output, kernel);
  }
  const joined = new Set<Kernel>();
  const result = kernels.map((kernel) => {
    const [input] = kernel.inputs;
    const maker = input && makers.get(input);
    if (maker?.work.kind !== "conv" || kernel.work.kind !== "loops") return kernel;
    const [nest, ...others] = kernel.work.nests;
    if (others.length > 0 || readers.get(input!) !== 1 || outputs.has(input!)) return kernel;
    if (!isSpread(maker.work, nest!, target)) return kernel;
    joined.add(maker);
    return join(maker, maker.work, kernel, nest!);
  });
  return result.filter((kernel) => !joined.has(kernel));
}

function join(conv: Kernel, work: ConvWork, copy: Kernel, epilogue: LoopNest): Kernel {
  return {
    name: conv.name,
    get nodes() {
      return [...conv.nodes, ...copy.nodes];
    },
    inputs: conv.inputs,
    outputs: copy.outputs,
    work: { ...work, epilogue },
  };
}

/**
 * Whether a nest copies the result of a convolution such that pixels keep their distances along images, rows and columns, and
 * runs of filters stay together, as many as the target can write at once.
 */
function isSpread(
  { algorithm, epilogue, out, shape }: ConvWork,
  nest: LoopNest,
  target: Target,
): boolean {
  const { filters, outHeight, outWidth } = shape;
  const [load, ...others] = nest.body;
  const [store] = nest.stores;
  if (epilogue !== undefined) return false;
  let keeps = false;
  if (load?.kind !== "load" || load.value !== out || others.length > 0) return false;
  if (store === undefined || nest.stores.length + nest.reductions.length > 1) return false;
  if (load.view.offset !== 0 || store.view.offset !== 0) return false;
  const pixel = [outHeight * outWidth * filters, outWidth * filters, filters];
  const runs: number[] = [];
  let size = 1;
  for (const [axis, extent] of nest.extents.entries()) {
    const [from, to] = [load.view.strides[axis]!, store.view.strides[axis]!];
    size *= extent;
    if (extent === 1) continue;
    if (from < filters && from > 0) {
      if (from === 1) {
        if (to !== 1 || !target.keepsRuns(algorithm, extent)) return false;
        keeps = true;
      }
      runs.push(extent);
    } else if (!pixel.includes(from)) return false;
  }
  return (
    keeps &&
    runs.reduce((product, extent) => product * extent, 1) === filters &&
    size === shape.batch * outHeight * outWidth * filters
  );
}
