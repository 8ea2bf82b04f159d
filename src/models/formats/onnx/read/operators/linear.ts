/** @file Products with constant matrices: Gemm and MatMul become dense layers. */
import { formatShape, sizeOf } from "../../../../../ir/shape.ts";
import type { Tensor } from "../../../../../ir/tensor.ts";
import { full } from "../../../../../ops/index.ts";
import { dense } from "../../../../../nn/index.ts";
import type { Signal } from "../signal.ts";
import type { Step } from "../step.ts";
import type { Operators } from "./operator.ts";

/**
 * The matrix [inputs, units] of input 1, its rows in the order in which `x` is flattened: so no image is transposed when the
 * network runs.
 */
async function matrix(step: Step, x: Signal, isTransposed: boolean): Promise<Tensor> {
  const { shape } = step.constant(1, "the matrix");
  const inputs = x.shape.at(-1)!;
  const units = shape.at(isTransposed ? 0 : 1);
  if (shape.length !== 2 || shape[isTransposed ? 1 : 0] !== inputs)
    throw step.error(
      `a matrix of ${isTransposed ? `[units, ${inputs}]` : `[${inputs}, units]`}`,
      `shape ${formatShape(shape)}`,
    );
  const view = x.flattened?.view ?? [inputs];
  const order = x.flattened?.order ?? [0];
  const found = isTransposed
    ? await step.weights(1, "the matrix", [units!, ...view], [...order.map((axis) => axis + 1), 0])
    : await step.weights(1, "the matrix", [...view, units!], [...order, order.length]);
  return order.length === 1 ? found : found.reshape([inputs, units!]);
}

/** The input, with its last axis last unless it says how it is flattened. */
function rows(step: Step): Signal {
  const x = step.signal(0);
  if (x.flattened !== undefined) return x;
  const order = x.shape.map((_, axis) => axis);
  return step.builder.arranged(step.who, step.name, x, order);
}

async function gemm(step: Step): Promise<void> {
  const x = rows(step);
  if (x.shape.length !== 2)
    throw step.error("a value [N, inputs]", `shape ${formatShape(x.shape)}`);
  if (step.flag("transA", false)) throw step.error("transA 0", "1", "Its columns are samples.");
  const alpha = step.float("alpha", 1);
  const weights = await matrix(step, x, step.flag("transB", false));
  const kernel = alpha === 1 ? weights : weights.mul(alpha);
  const units = kernel.shape[1]!;
  const useBias = step.has(2);
  const symbol = step.layer((base) => dense({ units, useBias, ...base }), x.symbol, {
    kernel,
    ...(useBias && { bias: await bias(step, units) }),
  });
  step.give({ symbol, type: x.type, shape: [x.shape[0]!, units], order: [0, 1] });
}

async function bias(step: Step, units: number): Promise<Tensor> {
  const { shape } = step.constant(2, "C");
  const count = sizeOf(shape);
  if (shape.length > 2 || (count !== 1 && (count !== units || shape.at(-1) !== units)))
    throw step.error(`C of shape [${units}], the same for all samples`, formatShape(shape));
  const beta = step.float("beta", 1);
  const flat = await step.weights(2, "C", [count]);
  const scaled = beta === 1 ? flat : flat.mul(beta);
  return count === units ? scaled : full([units], scaled.item(), { dtype: step.builder.dtype });
}

async function matmul(step: Step): Promise<void> {
  const x = rows(step);
  const kernel = await matrix(step, x, false);
  const units = kernel.shape[1]!;
  const symbol = step.layer((base) => dense({ units, useBias: false, ...base }), x.symbol, {
    kernel,
  });
  step.give({ ...x, symbol, shape: [...x.shape.slice(0, -1), units], flattened: undefined });
}

export const products: Operators = {
  Gemm: { note: "with constant B and C, A not transposed", build: gemm },
  MatMul: { note: "with a constant matrix as the second operand", build: matmul },
};
