/** @file Operations that SIMD lacks, done lane by lane: integer division and remainders. */
import type { DType } from "../../../ir/dtype.ts";
import type { FunctionBuilder } from "../asm/index.ts";
import type { EmitContext } from "../emit.ts";

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
