/**
 * @file Scalar instructions of a loop body as SIMD, reductions of lanes, and what SIMD lacks, done lane by lane. In
 * registers a bool is a mask of 32 bits per lane, in the low lanes if there are two.
 */
import type { DType } from "../../../ir/dtype.ts";
import type { Instruction, ReduceOp } from "../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { EmitContext } from "../emit.ts";
import { type MathName, emitMath } from "../math/index.ts";

type Arithmetic = Exclude<Instruction, { kind: "load" | "index" }>;

const shapes: Record<DType, string> = {
  float32: "f32x4",
  float64: "f64x2",
  int32: "i32x4",
  bool: "i32x4",
};

/** The lane shape of a dtype, as opcodes are named. */
export const shapeOf = (dtype: DType): string => shapes[dtype];

const roundings: Record<string, string> = {
  floor: "floor",
  ceil: "ceil",
  round: "nearest",
  sqrt: "sqrt",
};

/** Leaves the result on the stack. `get` puts an operand there, which is one of `body`; `lanes` are alive. */
export function emitInstruction(
  context: EmitContext,
  fn: FunctionBuilder,
  instruction: Arithmetic,
  get: (operand: number) => void,
  body: readonly Instruction[],
  lanes: number,
): void {
  const dtypeOf = (operand: number): DType => body[operand]!.dtype;
  const shape = shapeOf(instruction.dtype);
  switch (instruction.kind) {
    case "literal":
      return splatLiteral(fn, instruction.literal, instruction.dtype);
    case "unary":
      get(instruction.x);
      return unary(context, fn, instruction.op, instruction.dtype);
    case "binary": {
      const { op, x, y, dtype } = instruction;
      if (op === "max" || op === "min") return extreme(fn, op, dtype, body, get, x, y);
      get(x);
      get(y);
      if (op === "and" || op === "or") return fn.op(`v128.${op}`);
      if (op === "pow") return emitMath(context.module, fn, "pow", shape as "f32x4" | "f64x2");
      if (op === "rem") return remainderLanes(context, fn, dtype, lanes);
      if (op === "div" && dtype === "int32") return divideLanes(fn, lanes);
      return fn.op(`${shape}.${op}`);
    }
    case "compare": {
      const dtype = dtypeOf(instruction.x);
      get(instruction.x);
      get(instruction.y);
      const ordered = instruction.op !== "eq" && instruction.op !== "ne";
      fn.op(
        `${shapeOf(dtype)}.${instruction.op}${ordered && (dtype === "int32" || dtype === "bool") ? "_s" : ""}`,
      );
      if (dtype === "float64") narrowMask(fn);
      return;
    }
    case "select":
      get(instruction.x);
      get(instruction.y);
      get(instruction.condition);
      if (instruction.dtype === "float64") fn.op("i64x2.extend_low_i32x4_s");
      return fn.op("v128.bitselect");
    case "cast":
      get(instruction.x);
      return cast(fn, dtypeOf(instruction.x), instruction.dtype);
    case "shiftRight":
      get(instruction.x);
      fn.i32(instruction.bits);
      return fn.op("i32x4.shr_u");
  }
}

/**
 * The larger or the smaller, NaN where either is. By a constant it is a comparison and a choice, one machine instruction, where
 * two unknowns need many; zeros of either sign are equal to that, and the choice must be such that they end up the same.
 */
function extreme(
  fn: FunctionBuilder,
  op: "max" | "min",
  dtype: DType,
  body: readonly Instruction[],
  get: (operand: number) => void,
  ...operands: readonly [number, number]
): void {
  const shape = shapeOf(dtype);
  const literalOf = (operand: number): number | undefined => {
    const instruction = body[operand]!;
    return instruction.kind === "literal" ? instruction.literal : undefined;
  };
  const [x, y] = literalOf(operands[0]) === undefined ? operands : operands.toReversed();
  get(x!);
  get(y!);
  if (shape === "i32x4") return fn.op(`i32x4.${op}_s`);
  const literal = literalOf(y!) ?? Number.NaN;
  const bound = dtype === "float32" ? Math.fround(literal) : literal;
  const plain = Number.isNaN(bound) || (op === "min" && Object.is(bound, -0));
  fn.op(`${shape}.${plain ? "" : "p"}${op}`);
  if (op !== "max" || !Object.is(bound, 0)) return;
  // -0 was not less than 0: it becomes 0.
  splatLiteral(fn, 0, dtype);
  fn.op(`${shape}.add`);
}

/** Leaves offset + the walk's place + lane * stride as numbers, `shift` elements further along. */
export function emitIndex(
  fn: FunctionBuilder,
  counter: Local,
  { view, dtype }: Extract<Instruction, { kind: "index" }>,
  stride: number,
  shift: number,
): void {
  fn.get(counter);
  fn.op("i32x4.splat");
  fn.v128({ i32x4: [0, 1, 2, 3].map((lane) => view.offset + (lane + shift) * stride) });
  fn.op("i32x4.add");
  cast(fn, "int32", dtype);
}

/** The same number in every lane. */
export function splatLiteral(fn: FunctionBuilder, literal: number, dtype: DType): void {
  switch (dtype) {
    case "float32":
      return fn.v128({ f32x4: [literal, literal, literal, literal] });
    case "float64":
      return fn.v128({ f64x2: [literal, literal] });
    case "int32":
      return fn.v128({ i32x4: [literal, literal, literal, literal] });
    case "bool": {
      const mask = literal === 0 ? 0 : -1;
      return fn.v128({ i32x4: [mask, mask, mask, mask] });
    }
  }
}

function unary(context: EmitContext, fn: FunctionBuilder, op: string, dtype: DType): void {
  const shape = shapeOf(dtype);
  if (op === "not") return fn.op("v128.not");
  if (op === "neg" || op === "abs") return fn.op(`${shape}.${op}`);
  if (op in roundings) return dtype === "int32" ? undefined : fn.op(`${shape}.${roundings[op]}`);
  if (op === "sign") return sign(fn, dtype);
  emitMath(context.module, fn, op as MathName, shape as "f32x4" | "f64x2");
}

/** x is on the stack. NaN and zeros stay as they are. */
function sign(fn: FunctionBuilder, dtype: DType): void {
  const shape = shapeOf(dtype);
  const x = fn.local("v128");
  if (dtype === "int32") {
    fn.tee(x);
    splatLiteral(fn, 0, dtype);
    fn.op("i32x4.lt_s");
    fn.get(x);
    splatLiteral(fn, 0, dtype);
    fn.op("i32x4.gt_s");
    return fn.op("i32x4.sub");
  }
  fn.set(x);
  splatLiteral(fn, 1, dtype);
  splatLiteral(fn, -1, dtype);
  fn.get(x);
  fn.get(x);
  splatLiteral(fn, 0, dtype);
  fn.op(`${shape}.lt`);
  fn.op("v128.bitselect");
  fn.get(x);
  splatLiteral(fn, 0, dtype);
  fn.op(`${shape}.gt`);
  fn.op("v128.bitselect");
}

/** A mask of two 64-bit lanes becomes one of 32-bit lanes in the lower half. */
function narrowMask(fn: FunctionBuilder): void {
  fn.v128({ i32x4: [0, 0, 0, 0] });
  fn.shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23]);
}

function cast(fn: FunctionBuilder, from: DType, to: DType): void {
  if (from === to) return;
  if (to === "bool") {
    splatLiteral(fn, 0, from);
    fn.op(`${shapeOf(from)}.ne`);
    if (from === "float64") narrowMask(fn);
    return;
  }
  if (from === "bool") fn.op("i32x4.neg");
  const source = from === "bool" ? "int32" : from;
  if (source === to) return;
  const conversions: Record<string, string> = {
    "int32>float32": "f32x4.convert_i32x4_s",
    "int32>float64": "f64x2.convert_low_i32x4_s",
    "float32>int32": "i32x4.trunc_sat_f32x4_s",
    "float64>int32": "i32x4.trunc_sat_f64x2_s_zero",
    "float32>float64": "f64x2.promote_low_f32x4",
    "float64>float32": "f32x4.demote_f64x2_zero",
  };
  fn.op(conversions[`${source}>${to}`]!);
}

// Reductions: neutral elements, combining, and folding the lanes of a vector into one.

/** The element that changes nothing. */
export function neutral(op: ReduceOp, dtype: DType): number {
  switch (op) {
    case "sum":
      return 0;
    case "prod":
      return 1;
    case "max":
      return dtype === "int32" ? -2147483648 : -Infinity;
    case "min":
      return dtype === "int32" ? 2147483647 : Infinity;
  }
}

/** Takes two vectors, leaves them combined. */
export function combine(fn: FunctionBuilder, op: ReduceOp, dtype: DType): void {
  const name = { sum: "add", prod: "mul", max: "max", min: "min" }[op];
  fn.op(
    `${shapeOf(dtype)}.${name}${dtype === "int32" && (op === "max" || op === "min") ? "_s" : ""}`,
  );
}

/** accumulator = accumulator combined with x, in the first `count` of `lanes` lanes. */
export function accumulate(
  fn: FunctionBuilder,
  op: ReduceOp,
  dtype: DType,
  accumulator: Local,
  x: () => void,
  count: number,
  lanes: number,
): void {
  fn.get(accumulator);
  x();
  combine(fn, op, dtype);
  if (count < lanes) {
    fn.get(accumulator);
    const wide = dtype === "float64";
    const mask = Array.from({ length: 4 }, (_, index) =>
      (wide ? index >> 1 : index) < count ? -1 : 0,
    );
    fn.v128({ i32x4: mask });
    fn.op("v128.bitselect");
  }
  fn.set(accumulator);
}

/** Folds the lanes of a local into its lane 0, in a fixed order: (0 with 2) with (1 with 3). */
export function foldLanes(
  fn: FunctionBuilder,
  op: ReduceOp,
  dtype: DType,
  vector: Local,
  lanes: number,
): void {
  const steps = dtype === "float64" ? [8] : lanes === 4 ? [8, 4] : [4];
  for (const bytes of steps) {
    fn.get(vector);
    fn.get(vector);
    fn.get(vector);
    fn.shuffle(Array.from({ length: 16 }, (_, index) => (index + bytes) % 16));
    combine(fn, op, dtype);
    fn.set(vector);
  }
}

/** Sets a local to the neutral element in every lane. */
export function setNeutral(
  fn: FunctionBuilder,
  op: ReduceOp,
  dtype: DType,
  accumulator: Local,
): void {
  splatLiteral(fn, neutral(op, dtype), dtype);
  fn.set(accumulator);
}

// Operations that SIMD lacks, done lane by lane: integer division and remainders.

/** int32 x / y towards zero; x / 0 is 0, and the one quotient that overflows wraps. Takes x, y; leaves the result. */
export function divideLanes(fn: FunctionBuilder, lanes: number): void {
  eachLane(fn, "i32x4", lanes, (x, y) =>
    guarded(fn, x, y, "i32.div_s", () => {
      fn.i32(0);
      x();
      fn.op("i32.sub");
    }),
  );
}

/** Remainder with the sign of x. int32: x % 0 is 0. Floats: exact. */
export function remainderLanes(
  context: EmitContext,
  fn: FunctionBuilder,
  dtype: DType,
  lanes: number,
): void {
  if (dtype === "int32") {
    eachLane(fn, "i32x4", lanes, (x, y) => guarded(fn, x, y, "i32.rem_s", () => fn.i32(0)));
    return;
  }
  const single = dtype === "float32";
  eachLane(fn, single ? "f32x4" : "f64x2", Math.min(lanes, single ? 4 : 2), (x, y) => {
    for (const operand of [x, y]) {
      operand();
      if (single) fn.op("f64.promote_f32");
    }
    fn.call(context.remainder);
    if (single) fn.op("f32.demote_f64");
  });
}

function eachLane(
  fn: FunctionBuilder,
  shape: string,
  lanes: number,
  body: (x: () => void, y: () => void) => void,
): void {
  const [x, y] = [fn.local("v128"), fn.local("v128")];
  fn.set(y);
  fn.set(x);
  fn.v128({ i32x4: [0, 0, 0, 0] });
  for (let lane = 0; lane < lanes; lane++) {
    const extract = (vector: typeof x) => () => {
      fn.get(vector);
      fn.lane(`${shape}.extract_lane`, lane);
    };
    body(extract(x), extract(y));
    fn.lane(`${shape}.replace_lane`, lane);
  }
}

/** WebAssembly traps on a zero divisor and on -2^31 / -1: 0 for the one, `byMinusOne` for the other. */
function guarded(
  fn: FunctionBuilder,
  x: () => void,
  y: () => void,
  op: string,
  byMinusOne: () => void,
): void {
  y();
  fn.op("i32.eqz");
  fn.ifResult(
    "i32",
    () => fn.i32(0),
    () => {
      y();
      fn.i32(-1);
      fn.op("i32.eq");
      fn.ifResult("i32", byMinusOne, () => {
        x();
        y();
        fn.op(op);
      });
    },
  );
}
