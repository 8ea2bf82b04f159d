/**
 * @file Convolution and its kernel's gradient. Both are linear in each operand, and each is the other's derivative; the third
 * of the family, the gradient of the images, is made of convolutions (`conv-input.ts`). So derivatives of any order are
 * convolutions again. The two primitives that compilers make are not differentiated: they come after derivatives.
 */
import type { Pair } from "../../ir/conv.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { type Rules, bilinear, nondifferentiable } from "../rules.ts";
import { convInput } from "./conv-input.ts";
import {
  applyConv,
  applyConvFilter,
  inferConv,
  inferConvFilter,
  inferPrepareKernel,
  inferPreparedConv,
} from "./conv-types.ts";

const extents = (x: Tensor, first: number): Pair => [x.shape[first]!, x.shape[first + 1]!];

type ConvPrim = "conv" | "convFilter" | "prepareKernel" | "preparedConv";

/** Rules of convolutions. */
export const convRules: { [P in ConvPrim]: Rules<P> } = {
  conv: bilinear(
    (inputs, params) => inferConv(inputs, params),
    (g, x, kernel, params) => convInput(g, kernel, params, extents(x, 1)),
    (g, x, kernel, params) => applyConvFilter(x, g, params, extents(kernel, 0)),
  ),
  convFilter: bilinear(
    inferConvFilter,
    (d, x, g, params) => convInput(g, d, params, extents(x, 1)),
    (d, x, _g, params) => applyConv(x, d, params),
  ),
  prepareKernel: nondifferentiable(inferPrepareKernel),
  preparedConv: nondifferentiable(inferPreparedConv),
};
