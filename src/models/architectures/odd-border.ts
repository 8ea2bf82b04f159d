/** @file The border that goes before convolutions of stride 2 in MobileNetV2 and EfficientNet. */
import type { SymbolicTensor } from "../../nn/index.ts";

/**
 * [[top, bottom], [left, right]] for a kernel of odd size: even extents get one row or column less before than after, so that
 * kernels stand where padding "same" has them.
 */
export function oddBorder(
  x: SymbolicTensor,
  kernelSize: number,
): readonly [readonly [number, number], readonly [number, number]] {
  const half = Math.floor(kernelSize / 2);
  const along = (extent: number): readonly [number, number] => [half - 1 + (extent % 2), half];
  return [along(x.shape[0]!), along(x.shape[1]!)];
}
