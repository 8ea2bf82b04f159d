/**
 * @file Interpreter rules that compute each element on its own: elementwise primitives and random bits, with the
 * functions that Math lacks.
 */
import type { DType } from "../../ir/dtype.ts";
import type { BinaryPrim, ComparePrim, LogicalPrim, PrimName, UnaryPrim } from "../../ir/prim.ts";
import { type Elements, makeElements, type Operand, type Rule, type Rules } from "./rule.ts";
import { sizeOf } from "../../ir/shape.ts";

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

// Functions that Math lacks, in double precision: erf, rounding to even, integer division and power.

/** Rounds to the nearest integer, halves to the even one; keeps the sign of zero. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const fraction = x - floor;
  if (fraction === 0 || !Number.isFinite(x)) return x;
  const up = fraction > 0.5 || (fraction === 0.5 && floor % 2 !== 0);
  const rounded = up ? floor + 1 : floor;
  return rounded === 0 && x < 0 ? -0 : rounded;
}

/**
 * The error function 2/sqrt(pi) * integral of exp(-t^2) over [0, x], to a few units in the last place.
 * Below 3 the series of positive terms (DLMF 7.6.2), above it the continued fraction of erfc (DLMF 7.9.1).
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = a;
  for (let n = 100; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * fraction));
}

/** int32 division towards zero. x / 0 is 0, and -2^31 / -1 wraps to -2^31: nothing traps. */
export function divideInt(x: number, y: number): number {
  return y === 0 ? 0 : (x / y) | 0;
}

/** x^y as IEEE 754 has it: unlike `Math.pow`, 1 to any power is 1, and so is -1 to an infinite one. */
export function powerFloat(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y);
}

/** int32 power that wraps as multiplication does. A negative exponent divides 1 by the power, as `divideInt` would. */
export function powerInt(x: number, y: number): number {
  let power = 1;
  let square = x;
  for (let rest = Math.abs(y); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = Math.imul(power, square);
    square = Math.imul(square, square);
  }
  if (y >= 0) return power;
  return x === 1 || x === -1 ? power : 0;
}

// Interpreter rule of randomBits: the counter-based generator Threefry-2x32 with 20 rounds.

/** Rotations of the eight rounds that repeat (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", table 4). */
const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
/** The key schedule's parity word for 32-bit words. */
const parity = 0x1bd11bda;

const rotateLeft = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

/** Two int32 of random bits from a key and a counter of two int32 each. */
export function threefry(
  [key0, key1]: readonly [number, number],
  [counter0, counter1]: readonly [number, number],
): [number, number] {
  const schedule = [key0, key1, key0 ^ key1 ^ parity];
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  for (let round = 0; round < 20; round++) {
    x = (x + y) | 0;
    y = rotateLeft(y, rotations[round % 8]!) ^ x;
    if (round % 4 !== 3) continue;
    const injection = (round + 1) / 4;
    x = (x + schedule[injection % 3]!) | 0;
    y = (y + schedule[(injection + 1) % 3]! + injection) | 0;
  }
  return [x, y];
}

export const randomRules: Rules<"randomBits"> = {
  randomBits: ({ shape }, [key]) => {
    const out = new Int32Array(sizeOf(shape));
    const [key0, key1] = key!.elements as unknown as [number, number];
    for (let j = 0; 2 * j < out.length; j++) {
      const [first, second] = threefry([key0, key1], [j, 0]);
      out[2 * j] = first;
      if (2 * j + 1 < out.length) out[2 * j + 1] = second;
    }
    return out;
  },
};
