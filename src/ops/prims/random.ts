/**
 * @file Random bits: Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). The elements of the output, flattened in row-major order, come in pairs:
 * `bits[2j], bits[2j + 1] = threefry2x32_20(key, counter = [j, 0])`; of the last pair of an odd size the second word is dropped.
 * Key, counter and bits are words of 32 bits stored as int32. A longer output begins with a shorter one's bits.
 */
import { ShapeError, complaint } from "../../base/errors.ts";
import { checkShape, formatShape, sameShape } from "../../ir/shape.ts";
import { arity, requireDType } from "../infer.ts";
import { type Rules, nondifferentiable } from "../rules.ts";

/** Rules of random bits. */
export const randomRules: { randomBits: Rules<"randomBits"> } = {
  randomBits: nondifferentiable((inputs, { shape }) => {
    arity("randomBits", inputs, 1);
    const key = inputs[0]!;
    requireDType("randomBits", key, ["int32"], "Keys come from random.key(seed).");
    if (!sameShape(key.shape, [2]))
      throw new ShapeError(
        complaint(
          "randomBits",
          "a key of shape [2]",
          formatShape(key.shape),
          "Keys come from random.key(seed) and random.split.",
        ),
      );
    checkShape("randomBits", shape);
    return [{ shape, dtype: "int32" }];
  }),
};
