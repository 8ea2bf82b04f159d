/** @file Primitives that one ONNX operator stands for together: products with a bias, depthwise convolutions, parts of a concatenation. */
import type { Node, Value } from "../../../../ir/graph.ts";
import { sameShape } from "../../../../ir/shape.ts";
import { convAttributes, kernelForm, productOperands } from "./lower/products.ts";
import { unbroadcast } from "./statics.ts";
import type { Pattern, Sight, Step } from "./step.ts";

/** A constant vector along the last axis, added to a node of a primitive. */
function biased<P extends "conv" | "matmul">(
  see: Sight,
  value: Value,
  prim: P,
): { readonly node: Node<P>; readonly bias: Value } | undefined {
  const [a, b] = see.node(value, "add")?.inputs ?? [];
  if (a === undefined || b === undefined) return undefined;
  for (const [product, summand] of [
    [a, b],
    [b, a],
  ] as const) {
    const node = see.node(product, prim);
    const bias = unbroadcast(summand);
    if (
      node !== undefined &&
      see.isConstant(bias) &&
      bias.shape.length === 1 &&
      bias.shape[0] === value.shape.at(-1)
    )
      return { node, bias };
  }
  return undefined;
}

/** x W + b */
const gemm: Pattern = {
  name: "Gemm",
  match: (value, see) => {
    if (value.shape.length !== 2) return undefined;
    const { node, bias } = biased(see, value, "matmul") ?? {};
    return (
      node && {
        inputs: [...node.inputs, bias!],
        lower: (to) => {
          const operands = [...productOperands(to, node), to.constant(bias!, "plain")];
          to.emit("Gemm", operands, to.dims(value), "plain", {}, value);
        },
      }
    );
  },
};

/** Vectors of any number of axes times a matrix: x W, written here as a product of all rows. */
const rows: Pattern = {
  name: "MatMul",
  match: (value, see) => {
    const product = see.node(value, "reshape")?.inputs[0];
    const node = product && see.node(product, "matmul");
    const [flat, matrix] = node?.inputs ?? [];
    const x = flat && see.node(flat, "reshape")?.inputs[0];
    const fits =
      x !== undefined &&
      matrix!.shape.length === 2 &&
      x.shape.at(-1) === flat!.shape.at(-1) &&
      sameShape(x.shape.slice(0, -1), value.shape.slice(0, -1));
    if (!fits) return undefined;
    return {
      inputs: [x, matrix!],
      lower: (to) => {
        const operands = [to.exact(x, "plain"), to.exact(matrix!, "plain")];
        to.emit("MatMul", operands, to.dims(value), "plain", {}, value);
      },
    };
  },
};

/** Images of which every channel is there `multiplier` times, one after another: the images, for as many filters in each group. */
function unrepeated(see: Sight, { inputs, params }: Node<"conv">): Value | undefined {
  const [x, kernel] = inputs as [Value, Value];
  const wide = see.node(x, "reshape")?.inputs[0];
  const apart = wide && see.node(wide, "broadcast")?.inputs[0];
  const images = apart && see.node(apart, "reshape")?.inputs[0];
  const fits =
    images?.shape.length === 4 &&
    wide!.shape.length === 5 &&
    apart!.shape[4] === 1 &&
    wide!.shape[3] === images.shape[3] &&
    x.shape.length === 4 &&
    params.groups === kernel.shape[3] &&
    params.groups === wide!.shape[3]! * wide!.shape[4]!;
  return fits ? images : undefined;
}

function convStep(see: Sight, value: Value, node: Node<"conv">, bias: Value | undefined): Step {
  const kernel = node.inputs[1]!;
  const single = unrepeated(see, node);
  const x = single ?? node.inputs[0]!;
  const groups = single === undefined ? node.params.groups : single.shape[3]!;
  return {
    inputs: [x, kernel, ...(bias === undefined ? [] : [bias])],
    lower: (to) => {
      const operands = [to.exact(x, "image"), kernelForm(to, kernel)];
      if (bias !== undefined) operands.push(to.constant(bias, "plain"));
      const attributes = convAttributes(kernel, node.params, groups);
      to.emit("Conv", operands, to.dims(value, "image"), "image", attributes, value);
    },
  };
}

/** conv(x, kernel) + b, or without b where channels are repeated. */
const conv: Pattern = {
  name: "Conv",
  match: (value, see) => {
    const { node, bias } = biased(see, value, "conv") ?? { node: see.node(value, "conv") };
    return node && convStep(see, value, node, bias);
  },
};

/** Patterns of products. */
const biasedPatterns: readonly Pattern[] = [gemm, rows, conv];

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
const viewPatterns: readonly Pattern[] = [part];

/** Every pattern. */
export const patterns: readonly Pattern[] = [...biasedPatterns, ...viewPatterns];
