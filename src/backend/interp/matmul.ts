// Interpreter rule of the matrix product.
import { sizeOf } from "../../ir/shape.ts";
import { makeElements, type Rules } from "./rule.ts";

export const matmulRules: Rules<"matmul"> = {
  matmul: (_params, [a, b], { shape, dtype }) => {
    const out = makeElements(dtype, sizeOf(shape));
    const [m, n] = shape.slice(-2) as [number, number];
    const k = a!.shape.at(-1)!;
    for (let batch = 0; batch < sizeOf(shape.slice(0, -2)); batch++) {
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let q = 0; q < k; q++) {
            sum += a!.elements[(batch * m + i) * k + q]! * b!.elements[(batch * k + q) * n + j]!;
          }
          out[(batch * m + i) * n + j] = sum;
        }
      }
    }
    return out;
  },
};
