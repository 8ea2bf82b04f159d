/**
 * @file A small expression language over the assembler, so that SIMD mathematics reads like the formulas it comes from.
 */
import type { FunctionBuilder, Local, ValType, WasmModule } from "../asm/index.ts";

/** The two shapes of floating-point vectors. */
export type FloatType = "f32x4" | "f64x2";

/** Emits code that leaves one v128 on the stack. Run it once for every use; `Lanes.let` computes a value only once. */
export type Expr = () => void;

// Scratch variables are shared by all the mathematics inlined into one function: none is live across two calls.
const scratch = new WeakMap<FunctionBuilder, Local[]>();

/**
 * Expressions over the lanes of one vector shape. Arithmetic follows IEEE 754 without fused operations, so results are
 * the same bits on every machine. Comparisons give all-ones or all-zeros lanes.
 */
export class Lanes {
  readonly m: WasmModule;
  readonly fn: FunctionBuilder;
  readonly type: FloatType;
  /** The integer shape with lanes as wide as these. */
  readonly int: "i32x4" | "i64x2";
  /** True for float64 lanes. */
  readonly wide: boolean;
  readonly #locals: Local[];
  readonly #count: { used: number };
  readonly #homes = new Map<Expr, Local>();

  constructor(
    m: WasmModule,
    fn: FunctionBuilder,
    type: FloatType,
    count: { used: number } = { used: 0 },
  ) {
    this.#count = count;
    this.m = m;
    this.fn = fn;
    this.type = type;
    this.wide = type === "f64x2";
    this.int = this.wide ? "i64x2" : "i32x4";
    this.#locals = scratch.get(fn) ?? [];
    scratch.set(fn, this.#locals);
  }

  /** The same function seen as lanes of the other width. */
  as(type: FloatType): Lanes {
    return new Lanes(this.m, this.fn, type, this.#count);
  }

  /** Evaluates now, into a scratch variable; the expression returned reads it. */
  let(value: Expr): Expr {
    value();
    return this.take();
  }

  /** Stores the vector already on the stack into a scratch variable. */
  take(): Expr {
    const local = (this.#locals[this.#count.used++] ??= this.fn.local("v128"));
    this.fn.set(local);
    const read = (): void => this.fn.get(local);
    this.#homes.set(read, local);
    return read;
  }

  /** Stores the vector on the stack into the variable that `target`, a result of `let` or `take`, reads. */
  assign(target: Expr): void {
    this.fn.set(this.#homes.get(target)!);
  }

  /** Two of four float32 lanes, the lower or the upper, as float64 lanes. */
  promote(x: Expr, half: 0 | 1): Expr {
    x();
    if (half === 1) {
      x();
      this.fn.shuffle([8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]);
    }
    this.fn.op("f64x2.promote_low_f32x4");
    return this.take();
  }

  /** Two pairs of float64 lanes, rounded to four float32 lanes. */
  demote(lower: Expr, upper: Expr): Expr {
    const round = (half: Expr): Expr => this.op("f32x4.demote_f64x2_zero", half);
    return () => {
      round(lower)();
      round(upper)();
      this.fn.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
    };
  }

  /** The same floating-point number in every lane. */
  num(value: number): Expr {
    if (this.wide) return () => this.fn.v128({ f64x2: [value, value] });
    return () => this.fn.v128({ f32x4: [value, value, value, value] });
  }

  /** The same bit pattern in every lane. */
  bits(value: bigint | number): Expr {
    if (this.wide) return () => this.fn.v128({ i64x2: [BigInt(value), BigInt(value)] });
    const lane = Number(value);
    return () => this.fn.v128({ i32x4: [lane, lane, lane, lane] });
  }

  /** An instruction applied to expressions. A name without a shape ("mul") takes the shape of these lanes. */
  op(name: string, ...operands: readonly Expr[]): Expr {
    const full = name.includes(".") ? name : `${this.type}.${name}`;
    return () => {
      for (const operand of operands) operand();
      this.fn.op(full);
    };
  }

  add(a: Expr, b: Expr): Expr {
    return this.op("add", a, b);
  }
  sub(a: Expr, b: Expr): Expr {
    return this.op("sub", a, b);
  }
  mul(a: Expr, b: Expr): Expr {
    return this.op("mul", a, b);
  }
  div(a: Expr, b: Expr): Expr {
    return this.op("div", a, b);
  }
  abs(a: Expr): Expr {
    return this.op("abs", a);
  }
  neg(a: Expr): Expr {
    return this.op("neg", a);
  }
  /** The smaller of x and a bound; NaN in x stays (`pmin` is one machine instruction where `min` is many). */
  atMost(x: Expr, bound: number): Expr {
    return this.op("pmin", x, this.num(bound));
  }
  /** The larger of x and a bound; NaN in x stays. */
  atLeast(x: Expr, bound: number): Expr {
    return this.op("pmax", x, this.num(bound));
  }
  lt(a: Expr, b: Expr): Expr {
    return this.op("lt", a, b);
  }
  gt(a: Expr, b: Expr): Expr {
    return this.op("gt", a, b);
  }
  eq(a: Expr, b: Expr): Expr {
    return this.op("eq", a, b);
  }
  and(a: Expr, b: Expr): Expr {
    return this.op("v128.and", a, b);
  }
  or(a: Expr, b: Expr): Expr {
    return this.op("v128.or", a, b);
  }
  xor(a: Expr, b: Expr): Expr {
    return this.op("v128.xor", a, b);
  }
  /** Lanes of `a` where the mask is ones, of `b` where it is zeros. */
  select(mask: Expr, a: Expr, b: Expr): Expr {
    return this.op("v128.bitselect", a, b, mask);
  }
  /** Integer addition in lanes as wide as these. */
  iadd(a: Expr, b: Expr): Expr {
    return this.op(`${this.int}.add`, a, b);
  }
  isub(a: Expr, b: Expr): Expr {
    return this.op(`${this.int}.sub`, a, b);
  }
  /** Shift by a constant: "shl", "shr_s" or "shr_u". */
  shift(kind: "shl" | "shr_s" | "shr_u", a: Expr, count: number): Expr {
    return () => {
      a();
      this.fn.i32(count);
      this.fn.op(`${this.int}.${kind}`);
    };
  }

  /** The sign bit alone. */
  signBit(): Expr {
    return this.bits(this.wide ? -(2n ** 63n) : -(2 ** 31));
  }
  /** The magnitude of `value` (its sign bit must be clear) with the sign of `sign`. */
  withSign(value: Expr, sign: Expr): Expr {
    return this.or(value, this.and(sign, this.signBit()));
  }

  /**
   * c[0] + c[1] z + c[2] z² + ...; `z` must be cheap. Short ones by Horner's rule, long ones by Estrin's: the same
   * count of operations but for the squares of z, in a chain of dependent operations several times shorter.
   */
  poly(z: Expr, coefficients: readonly number[]): Expr {
    let terms = coefficients.map((c) => this.num(c));
    let power = z;
    while (terms.length > 3) {
      const pairs: Expr[] = [];
      for (let i = 0; i < terms.length; i += 2) {
        const [even, odd] = [terms[i]!, terms[i + 1]];
        pairs.push(odd === undefined ? even : this.add(even, this.mul(odd, power)));
      }
      terms = pairs;
      if (terms.length > 1) power = this.let(this.mul(power, power));
    }
    return terms.reduceRight((sum, term) => this.add(this.mul(sum, power), term));
  }
}

// Unevaluated sums of two floats ("double-double" in float64), without fused multiply-add.
/** high + low, where |low| is at most about half a unit in the last place of high. Both are cheap to evaluate. */
export interface Pair {
  readonly high: Expr;
  readonly low: Expr;
}

/** The upper half of the fraction bits: products of two such halves are exact. */
function upper(k: Lanes, a: Expr): Expr {
  return k.let(k.and(a, k.bits(k.wide ? -(1n << 27n) : -(1n << 12n))));
}

/** a + b exactly, for |a| >= |b| or a = 0 (Dekker 1971). */
export function quickTwoSum(k: Lanes, a: Expr, b: Expr): Pair {
  const high = k.let(k.add(a, b));
  return { high, low: k.let(k.sub(b, k.sub(high, a))) };
}

/** a b exactly (Dekker 1971, with the halves cut by a mask); no overflow, no underflow assumed. */
export function twoProduct(k: Lanes, a: Expr, b: Expr): Pair {
  const high = k.let(k.mul(a, b));
  const [ah, bh] = [upper(k, a), upper(k, b)];
  const al = k.let(k.sub(a, ah));
  const bl = k.let(k.sub(b, bh));
  const start = k.sub(k.mul(ah, bh), high);
  const crossed = k.add(k.add(start, k.mul(ah, bl)), k.mul(al, bh));
  return { high, low: k.let(k.add(crossed, k.mul(al, bl))) };
}

/** (a.high + a.low) (b.high + b.low), to about twice the precision of the lanes. */
export function multiply(k: Lanes, a: Pair, b: Pair): Pair {
  const { high, low } = twoProduct(k, a.high, b.high);
  return { high, low: k.let(k.add(low, k.add(k.mul(a.high, b.low), k.mul(a.low, b.high)))) };
}

/** a / b, correctly rounded in nearly every case. */
export function divide(k: Lanes, a: Pair, b: Pair): Expr {
  const q = k.let(k.div(a.high, b.high));
  const product = twoProduct(k, q, b.high);
  const exact = k.sub(k.sub(a.high, product.high), product.low);
  const residual = k.sub(k.add(exact, a.low), k.mul(q, b.low));
  return k.add(q, k.div(residual, b.high));
}

// Scalar expressions over the assembler: `Lanes` for one number at a time.

/** Expressions of one function; each is code that leaves one number. */
export interface Scalars {
  /** An instruction applied to operands. */
  op(name: string, ...operands: readonly Expr[]): Expr;
  i32(value: number): Expr;
  i64(value: bigint): Expr;
  f64(value: number): Expr;
  param(i: number): Expr;
  /** Evaluates now, into a new variable. */
  let(type: ValType, value: Expr): Expr;
  /** Takes the results of a call off the stack, in the order they are declared. */
  results(...types: readonly ValType[]): Expr[];
}

/** Scalar expressions that emit into `fn`. */
export function scalars(fn: FunctionBuilder): Scalars {
  return {
    op: (name, ...operands) => {
      return () => {
        for (const operand of operands) operand();
        fn.op(name);
      };
    },
    i32: (value) => () => fn.i32(value),
    i64: (value) => () => fn.i64(value),
    f64: (value) => () => fn.f64(value),
    param: (i) => () => fn.get(fn.param(i)),
    let: (type, value) => {
      const local = fn.local(type);
      value();
      fn.set(local);
      return () => fn.get(local);
    },
    results: (...types) => {
      const locals = types.map((type) => fn.local(type));
      for (const local of locals.toReversed()) fn.set(local);
      return locals.map((local) => () => fn.get(local));
    },
  };
}
