/** @file Transcendental functions of SIMD lanes. They use plain simd128, and so give the same bits on every machine. */
import type { FunctionBuilder, WasmModule } from "../asm/index.ts";
import { atan, cos, sin, tan } from "./trigonometry.ts";
import { erf, exp, expm1, tanh } from "./exponentials.ts";
import { type Expr, type FloatType, Lanes } from "./lanes.ts";
import { log, log1p, pow } from "./logarithms.ts";

export type { FloatType } from "./lanes.ts";

type Unary = (k: Lanes, x: Expr) => Expr;

const unary = { exp, expm1, log, log1p, sin, cos, tan, atan, tanh, erf };

/** A transcendental function the backend can emit. */
export type MathName =
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "sin"
  | "cos"
  | "tan"
  | "atan"
  | "tanh"
  | "erf"
  | "pow";

/** Every name that `emitMath` takes. */
export const mathNames: readonly MathName[] = [...(Object.keys(unary) as MathName[]), "pow"];

/**
 * Functions with too much code to repeat wherever they are used: the module gets each once, to be called. The others are
 * inlined, because V8 hoists constants (v128.const) out of the loop around them, to registers or the stack frame. In a
 * called function every constant is built anew at every call, which for float64 exp doubles the time; constants loaded
 * from memory are not hoisted either, and cost tanh a third.
 */
const called: ReadonlySet<MathName> = new Set(["sin", "cos", "tan", "pow"]);

const made = new WeakMap<WasmModule, Map<string, FunctionBuilder>>();

/** Builds the body: the arguments are expressions, the result is left on the stack. */
function emit(k: Lanes, name: MathName, args: readonly Expr[]): void {
  const [x, y] = args;
  const build: Unary = name === "pow" ? (lanes, base) => pow(lanes, base, y!) : unary[name];
  build(k, x!)();
}

/** The module's function for `name`, made at the first use. */
function shared(m: WasmModule, name: MathName, type: FloatType): FunctionBuilder {
  const cache = made.get(m) ?? new Map<string, FunctionBuilder>();
  made.set(m, cache);
  const key = `${type}.${name}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const params = name === "pow" ? (["v128", "v128"] as const) : (["v128"] as const);
  const fn = m.func(key, { params, results: ["v128"] });
  cache.set(key, fn);
  const args = params.map((_, i) => () => fn.get(fn.param(i)));
  emit(new Lanes(m, fn, type), name, args);
  return fn;
}

/**
 * Emits a function of every lane: takes one v128 from the stack of `fn` (two for `pow`: base, then exponent) and leaves
 * the result. Float32 is within 3e-7 relative, float64 within 2 units in the last place, over the whole range, with
 * infinities, NaN, subnormal numbers and signed zeros as in C's mathematics (C17, annex F).
 */
export function emitMath(
  m: WasmModule,
  fn: FunctionBuilder,
  name: MathName,
  type: FloatType,
): void {
  if (called.has(name)) return fn.call(shared(m, name, type));
  const k = new Lanes(m, fn, type);
  emit(k, name, [k.take()]);
}
