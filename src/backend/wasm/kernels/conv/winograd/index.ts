/**
 * @file Winograd's algorithm F(m x m, r x r): with tiles of 6 x 6 inputs, a quarter of the multiplications for 3x3
 * kernels and 0.36 of them for 2x2.
 */
export { emitWinogradFilter } from "./filter.ts";
export { emitWinograd } from "./forward.ts";
export { emitWinogradKernel } from "./kernel.ts";
