// Interpreter rules of gather and scatterAdd: indices into an axis, clamped to its ends.
import { sizeOf } from "../../ir/shape.ts";
import { makeElements, type Rules } from "./rule.ts";

const clamp = (index: number, size: number): number => Math.min(Math.max(index, 0), size - 1);

export const indexingRules: Rules<"gather" | "scatterAdd"> = {
  gather: ({ axis }, [x, indices], { shape, dtype }) => {
    const out = makeElements(dtype, sizeOf(shape));
    const outer = sizeOf(x!.shape.slice(0, axis));
    const inner = sizeOf(x!.shape.slice(axis + 1));
    const size = x!.shape[axis]!;
    const count = indices!.elements.length;
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < count; i++) {
        const from = (o * size + clamp(indices!.elements[i]!, size)) * inner;
        for (let k = 0; k < inner; k++) out[(o * count + i) * inner + k] = x!.elements[from + k]!;
      }
    }
    return out;
  },
  scatterAdd: ({ axis, size }, [updates, indices], { shape, dtype }) => {
    const totals = makeElements(dtype === "float32" ? "float64" : dtype, sizeOf(shape));
    const outer = sizeOf(shape.slice(0, axis));
    const inner = sizeOf(shape.slice(axis + 1));
    const count = indices!.elements.length;
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < count; i++) {
        const to = (o * size + clamp(indices!.elements[i]!, size)) * inner;
        for (let k = 0; k < inner; k++)
          totals[to + k]! += updates!.elements[(o * count + i) * inner + k]!;
      }
    }
    const out = makeElements(dtype, totals.length);
    out.set(totals);
    return out;
  },
};
