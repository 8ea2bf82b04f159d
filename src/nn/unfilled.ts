/** @file Networks built for parameters that come from elsewhere: none is drawn, and none takes memory before it is there. */
import type { DType } from "../ir/dtype.ts";
import type { Shape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";

let building = false;

/**
 * What `build` makes, where every initialiser that layers are given, or have by default, makes a tensor without elements. They
 * only have a shape and dtype: each must be replaced before anything is computed.
 */
export function withUnfilled<T>(build: () => T): T {
  const before = building;
  building = true;
  try {
    return build();
  } finally {
    building = before;
  }
}

/** Whether parameters are left empty just now. */
export function leavesUnfilled(): boolean {
  return building;
}

/** The initialiser that stands for all others then. */
export function unfilled(_key: Tensor, shape: Shape, dtype: DType): Tensor {
  return new Tensor({ shape: [...shape], dtype }, new Float32Array(0));
}
