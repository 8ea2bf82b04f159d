// Interpreter rules of the elementwise primitives.
import type { DType } from "../../ir/dtype.ts";
import type { BinaryPrim, ComparePrim, LogicalPrim, PrimName, UnaryPrim } from "../../ir/prim.ts";
import { type Elements, makeElements, type Operand, type Rule, type Rules } from "./rule.ts";
import { divideInt, erf, powerFloat, powerInt, roundHalfEven } from "./special.ts";

/** Applies f at every index; operands have the output's shape. */
function map<P extends PrimName>(f: (dtype: DType, ...x: number[]) => number): Rule<P> {
  return (_params, inputs, { dtype }) => {
    const size = inputs[0]!.elements.length;
    const out = makeElements(dtype, size);
    const operandType = inputs.at(-1)!.dtype;
    const row = new Array<number>(inputs.length);
    for (let i = 0; i < size; i++) {
      for (let k = 0; k < inputs.length; k++) row[k] = inputs[k]!.elements[i]!;
      out[i] = f(operandType, ...row);
    }
    return out;
  };
}

const unary = (f: (x: number) => number): Rule<UnaryPrim> => map((_dtype, x) => f(x!));
const compare = (f: (x: number, y: number) => boolean): Rule<ComparePrim> =>
  map((_dtype, x, y) => Number(f(x!, y!)));
/** One function for floats, one for int32 (assignment to an Int32Array wraps modulo 2^32). */
const binary = (float: (x: number, y: number) => number, int = float): Rule<BinaryPrim> =>
  map((dtype, x, y) => (dtype === "int32" ? int(x!, y!) : float(x!, y!)));

/** Truncates towards zero, saturates, and takes NaN to 0. */
function toInt32(x: number): number {
  return Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, -(2 ** 31)), 2 ** 31 - 1));
}

function cast({ elements }: Operand, dtype: DType): Elements {
  const out = makeElements(dtype, elements.length);
  for (let i = 0; i < elements.length; i++) {
    const x = elements[i]!;
    if (dtype === "bool") out[i] = Number(x !== 0);
    else out[i] = dtype === "int32" ? toInt32(x) : x;
  }
  return out;
}

export const elementwiseRules: Rules<
  | UnaryPrim
  | BinaryPrim
  | ComparePrim
  | LogicalPrim
  | "cast"
  | "shiftRight"
  | "stopGradient"
  | "select"
> = {
  neg: unary((x) => -x),
  abs: unary(Math.abs),
  sign: unary(Math.sign),
  floor: unary(Math.floor),
  ceil: unary(Math.ceil),
  round: unary(roundHalfEven),
  sqrt: unary(Math.sqrt),
  exp: unary(Math.exp),
  expm1: unary(Math.expm1),
  log: unary(Math.log),
  log1p: unary(Math.log1p),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tan: unary(Math.tan),
  atan: unary(Math.atan),
  tanh: unary(Math.tanh),
  erf: unary(erf),

  add: binary((x, y) => x + y),
  sub: binary((x, y) => x - y),
  mul: binary((x, y) => x * y, Math.imul),
  div: binary((x, y) => x / y, divideInt),
  // x % 0 is NaN, which an Int32Array stores as 0.
  rem: binary((x, y) => x % y),
  pow: binary(powerFloat, powerInt),
  max: binary(Math.max),
  min: binary(Math.min),

  eq: compare((x, y) => x === y),
  ne: compare((x, y) => x !== y),
  lt: compare((x, y) => x < y),
  le: compare((x, y) => x <= y),
  gt: compare((x, y) => x > y),
  ge: compare((x, y) => x >= y),

  and: map((_dtype, x, y) => x! & y!),
  or: map((_dtype, x, y) => x! | y!),
  not: map((_dtype, x) => 1 - x!),

  cast: ({ dtype }, [x]) => cast(x!, dtype),
  shiftRight: ({ bits }, [x]) => x!.elements.map((element) => element >>> bits),
  stopGradient: (_params, [x]) => x!.elements.slice(),
  select: map((_dtype, condition, x, y) => (condition! !== 0 ? x! : y!)),
};
