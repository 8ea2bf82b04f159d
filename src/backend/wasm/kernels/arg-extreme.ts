// argMax and argMin: where along an axis the first extreme element lies.
import { type DirectEmitter, paramsOf, scalarOf, splitAt } from "./direct.ts";
import { repeat } from "./flow.ts";
import { advance, clear, pointAt, pointerTo } from "./pointers.ts";

/** The emitter for one of the two. NaN beats every number; the first of equals wins; an empty axis gives 0. */
export function argEmitter(which: "argMax" | "argMin"): DirectEmitter {
  return (context, fn, work) => {
    const [x] = work.inputs;
    const { outer, size, inner } = splitAt(
      work.node.inputs[0]!.shape,
      paramsOf<"argMax" | "argMin">(work).axis,
    );
    if (outer * inner === 0) return;
    const out = pointerTo(context, fn, work.out);
    if (size === 0) return clear(fn, out, 4 * outer * inner);

    const { type, bytes } = scalarOf(x!.dtype);
    const isFloat = type !== "i32";
    const direction = which === "argMax" ? "gt" : "lt";
    const beats = isFloat ? `${type}.${direction}` : `i32.${direction}_s`;
    const line = pointerTo(context, fn, x!);
    const [at, index, winner] = [fn.local("i32"), fn.local("i32"), fn.local("i32")];
    const [best, element] = [fn.local(type), fn.local(type)];

    const consider = (): void => {
      fn.get(at);
      fn.load(`${type}.load`);
      fn.tee(element);
      fn.get(best);
      fn.op(beats);
      if (isFloat) {
        // Or the element is NaN and the best one so far is not: a number equals itself, NaN does not.
        fn.get(element);
        fn.get(element);
        fn.op(`${type}.ne`);
        fn.get(best);
        fn.get(best);
        fn.op(`${type}.eq`);
        fn.op("i32.and");
        fn.op("i32.or");
      }
      fn.if(() => {
        fn.get(element);
        fn.set(best);
        fn.get(index);
        fn.set(winner);
      });
    };
    repeat(fn, outer, () => {
      repeat(fn, inner, () => {
        pointAt(fn, at, line);
        pointAt(fn, index, 0);
        pointAt(fn, winner, 0);
        fn.get(at);
        fn.load(`${type}.load`);
        fn.set(best);
        repeat(fn, size - 1, () => {
          advance(fn, at, inner * bytes);
          advance(fn, index, 1);
          consider();
        });
        fn.get(out);
        fn.get(winner);
        fn.store("i32.store");
        advance(fn, out, 4);
        advance(fn, line, bytes);
      });
      advance(fn, line, (size - 1) * inner * bytes);
    });
  };
}
