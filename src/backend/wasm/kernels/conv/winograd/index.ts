// Winograd's algorithm F(4x4, 3x3): 3x3 convolutions of stride 1 with a quarter of the multiplications.
export { emitWinogradFilter } from "./filter.ts";
export { emitWinograd } from "./forward.ts";
export { emitWinogradKernel } from "./kernel.ts";
