/** @file A graph of ONNX operators as it stands in a file: what lowering makes and `chunks.ts` writes. */
import type { DType } from "../../../../ir/dtype.ts";
import type { elementTypes } from "../schema.ts";
import type { Dims } from "./dims.ts";

/** An element type of ONNX. */
export type ElementType = keyof typeof elementTypes;

/** The element type of a dtype. */
export const elementTypeOf: Readonly<Record<DType, ElementType>> = {
  float32: "float",
  float64: "double",
  int32: "int32",
  bool: "bool",
};

/** An attribute: an integer, integers, a text, or a real number. */
export type Attribute = number | readonly number[] | string | { readonly real: number };

/** One application of an operator. A missing optional input is "". */
export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A constant. Its elements are asked for when they are written. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly bytes: number;
  /** The elements in row-major order, little endian, piece by piece. */
  chunks(): Iterable<Uint8Array>;
}

/** An input or output of the graph. */
export interface OnnxPort {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: Dims;
}

/** A whole graph. Nodes stand in an order in which they can run. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}
