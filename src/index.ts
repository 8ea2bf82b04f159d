/** @file The core of Adjoint: tensors, what can be computed with them, compilation and derivatives. */
export { backendName, setBackend, setThreads, threads } from "./compile/engine.ts";
export type { BackendName } from "./compile/engine.ts";
export { jit } from "./compile/jit.ts";
export type { Jitted } from "./compile/jit.ts";
export {
  checkGrad,
  customVjp,
  grad,
  GradientError,
  jvp,
  scan,
  valueAndGrad,
  vjp,
} from "./autodiff/index.ts";
export type {
  Argnums,
  CheckGradOptions,
  CustomVjpRules,
  GradOptions,
  Gradients,
  ScanOptions,
} from "./autodiff/index.ts";
export type { DType, TypedArray } from "./ir/dtype.ts";
export {
  AdjointError,
  ArgumentError,
  DTypeError,
  InternalError,
  ShapeError,
  ThreadError,
  TraceError,
} from "./base/errors.ts";
export { nearNames } from "./base/near-names.ts";
export type { Shape } from "./ir/shape.ts";
export { Tensor } from "./ir/tensor.ts";
export type { Nested } from "./ir/tensor.ts";
export { flatten as flattenTree, mapTree, treeLeaves, treeProtocol } from "./ir/tree.ts";
export type { Tree, TreeDef, TreeNode } from "./ir/tree.ts";
export * from "./ops/index.ts";
