/** @file What an operator is. An operator is an entry in one of the tables here, which index.ts puts together. */
import type { Constant } from "../constant.ts";
import type { NodeReader } from "../node.ts";

/** How an operator is read. */
export interface Operator {
  /** What of it is supported, where that is not everything: for lists. */
  readonly note?: string;
  /** Its layers, where an input depends on the model's. */
  readonly build?: (node: NodeReader) => void | Promise<void>;
  /** Its result, where all inputs are constant. */
  readonly fold?: (node: NodeReader) => Promise<Constant>;
}

/** Operators by ONNX' names. */
export type Operators = Readonly<Record<string, Operator>>;
