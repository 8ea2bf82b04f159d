/** @file Elementwise primitives: operators of ONNX that broadcast as NumPy does. */
import type { Value } from "../../../../../ir/graph.ts";
import type {
  BinaryPrim,
  ComparePrim,
  LogicalPrim,
  PrimName,
  UnaryPrim,
} from "../../../../../ir/prim.ts";
import type { Attributes, Emitter } from "../emitter.ts";
import { type Form, broadcastDims } from "../forms.ts";
import { elementTypeOf } from "../onnx-graph.ts";
import { elementTypes } from "../../schema.ts";
import type { Rule } from "../step.ts";

/** Applies an operator to values that broadcast. */
export function broadcasting(
  to: Emitter,
  op: string,
  inputs: readonly Value[],
  value: Value,
  attributes: Attributes = {},
): Form {
  const layout = to.commonLayout(inputs);
  const operands = inputs.map((input) => to.operand(input, layout));
  const dims = broadcastDims(operands.map((operand) => operand.dims));
  return to.emit(op, operands, dims, layout, attributes, value);
}

/** Several operators one after another, on forms of one layout. */
function composed(
  make: (to: Emitter, x: Form, value: Value, apply: Apply) => void,
): Rule<PrimName> {
  return (node, value, to) => {
    const layout = to.commonLayout(node.inputs);
    const x = to.operand(node.inputs[0]!, layout);
    make(to, x, value, (op, inputs, last) =>
      to.emit(op, inputs, broadcastDims(inputs.map(({ dims }) => dims)), layout, {}, last),
    );
  };
}
type Apply = (op: string, inputs: readonly Form[], last?: Value) => Form;

const plain =
  (op: string, attributes?: Attributes): Rule<PrimName> =>
  (node, value, to) => {
    broadcasting(to, op, node.inputs, value, attributes);
  };

type Elementwise =
  | UnaryPrim
  | BinaryPrim
  | ComparePrim
  | LogicalPrim
  | "cast"
  | "select"
  | "shiftRight";

/** Rules of elementwise primitives. */
export const elementwiseRules: { readonly [P in Elementwise]: Rule<P> } = {
  neg: plain("Neg"),
  abs: plain("Abs"),
  sign: plain("Sign"),
  floor: plain("Floor"),
  ceil: plain("Ceil"),
  round: plain("Round"),
  sqrt: plain("Sqrt"),
  exp: plain("Exp"),
  // e^x - 1 = tanh(x/2) (e^x + 1), which does not cancel near 0.
  expm1: composed((to, x, value, apply) => {
    const half = apply("Tanh", [apply("Mul", [x, to.number(0.5, value)])]);
    apply("Mul", [half, apply("Add", [apply("Exp", [x]), to.number(1, value)])], value);
  }),
  log: plain("Log"),
  log1p: composed((to, x, value, apply) => {
    apply("Log", [apply("Add", [x, to.number(1, value)])], value);
  }),
  sin: plain("Sin"),
  cos: plain("Cos"),
  tan: plain("Tan"),
  atan: plain("Atan"),
  tanh: plain("Tanh"),
  erf: plain("Erf"),
  add: plain("Add"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("Div"),
  rem: plain("Mod", { fmod: 1 }),
  pow: plain("Pow"),
  max: plain("Max"),
  min: plain("Min"),
  eq: plain("Equal"),
  ne: (node, value, to) => {
    const layout = to.commonLayout(node.inputs);
    const operands = node.inputs.map((input) => to.operand(input, layout));
    const dims = broadcastDims(operands.map((operand) => operand.dims));
    to.emit("Not", [to.emit("Equal", operands, dims, layout)], dims, layout, {}, value);
  },
  lt: plain("Less"),
  le: plain("LessOrEqual"),
  gt: plain("Greater"),
  ge: plain("GreaterOrEqual"),
  and: plain("And"),
  or: plain("Or"),
  not: plain("Not"),
  select: plain("Where"),
  cast: (node, value, to) => {
    broadcasting(to, "Cast", node.inputs, value, {
      to: elementTypes[elementTypeOf[node.params.dtype]],
    });
  },
  shiftRight: (node, value, to) => {
    const [x] = node.inputs as [Value];
    const layout = to.commonLayout([x]);
    const given = to.operand(x, layout);
    const cast = (form: Form, type: "uint32" | "int32", last?: Value): Form =>
      to.emit("Cast", [form], given.dims, layout, { to: elementTypes[type] }, last);
    const bits = to.emit("Cast", [to.integers([node.params.bits])], [1], "plain", {
      to: elementTypes.uint32,
    });
    const shifted = to.emit("BitShift", [cast(given, "uint32"), bits], given.dims, layout, {
      direction: "RIGHT",
    });
    cast(shifted, "int32", value);
  },
};
