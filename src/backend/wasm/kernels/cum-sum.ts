// cumSum: running sums along an axis, from either end.
import { type DirectEmitter, paramsOf, scalarOf, splitAt } from "./direct.ts";
import { repeat } from "./flow.ts";
import { advance, pointerTo } from "./pointers.ts";

/** float32 is summed in float64 and rounded where it is stored, so that long sums do not drift; int32 wraps. */
export const emitCumSum: DirectEmitter = (context, fn, work) => {
  const [x] = work.inputs;
  const { axis, reverse } = paramsOf<"cumSum">(work);
  const { outer, size, inner } = splitAt(work.node.inputs[0]!.shape, axis);
  if (outer * size * inner === 0) return;
  const { type, bytes } = scalarOf(x!.dtype);
  const single = type === "f32";
  const sumType = single ? "f64" : type;
  const sum = fn.local(sumType);
  const step = (reverse ? -inner : inner) * bytes;
  const start = reverse ? (size - 1) * inner * bytes : 0;
  const from = pointerTo(context, fn, x!, start);
  const to = pointerTo(context, fn, work.out, start);

  repeat(fn, outer, () => {
    repeat(fn, inner, () => {
      if (sumType === "i32") fn.i32(0);
      else fn.f64(0);
      fn.set(sum);
      repeat(fn, size, () => {
        fn.get(to);
        fn.get(from);
        fn.load(`${type}.load`);
        if (single) fn.op("f64.promote_f32");
        fn.get(sum);
        fn.op(`${sumType}.add`);
        fn.tee(sum);
        if (single) fn.op("f32.demote_f64");
        fn.store(`${type}.store`);
        for (const pointer of [from, to]) advance(fn, pointer, step);
      });
      for (const pointer of [from, to]) advance(fn, pointer, bytes - size * step);
    });
    for (const pointer of [from, to]) advance(fn, pointer, (size - 1) * inner * bytes);
  });
};
