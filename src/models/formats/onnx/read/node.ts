/** @file One node of the graph while its layers are made: its attributes and inputs, checked, and where its outputs go. */
import { complaint, describe } from "../../../../base/errors.ts";
import { type Shape, formatShape, sizeOf } from "../../../../ir/shape.ts";
import { Tensor } from "../../../../ir/tensor.ts";
import type { SymbolicTensor } from "../../../../nn/graph/symbolic.ts";
import type { AnyLayer } from "../../../../nn/index.ts";
import { FormatError } from "../../../errors.ts";
import type { ByteSource } from "../../../source.ts";
import { attributeTypes } from "../schema.ts";
import {
  type Base,
  type Builder,
  type Parameters,
  checkExtents,
  type Signal,
  usualOrder,
} from "./builder.ts";
import {
  type Constant,
  type ElementType,
  elementTypeOf,
  isFloatType,
  storedConstant,
} from "./constant.ts";
import type { AttributeProto, NodeProto } from "./file.ts";

/** Facts shared by all nodes of a file. */
export interface FileContext {
  readonly builder: Builder;
  readonly source: ByteSource;
  /** Version of the operators. */
  readonly opset: number;
  /** Names of values that something takes. */
  readonly used: ReadonlySet<string>;
}

/** A node under construction. */
export class NodeReader {
  readonly who: string;
  readonly name: string;
  readonly opset: number;
  readonly builder: Builder;
  readonly proto: NodeProto;
  readonly #context: FileContext;

  constructor(who: string, proto: NodeProto, context: FileContext) {
    this.who = who;
    this.proto = proto;
    this.#context = context;
    this.name = proto.name === "" ? (proto.outputs.find((name) => name !== "") ?? "") : proto.name;
    this.opset = context.opset;
    this.builder = context.builder;
  }

  /** The error for something in this node. */
  error(expected: string, got: string, hint?: string): FormatError {
    return new FormatError(complaint(this.who, expected, got, hint));
  }

  #attribute<K extends "float" | "int" | "text" | "tensor">(
    name: string,
    field: K,
    kind: keyof typeof attributeTypes,
    empty?: NonNullable<AttributeProto[K]>,
  ): NonNullable<AttributeProto[K]> | undefined {
    const attribute = this.proto.attributes.get(name);
    if (attribute === undefined) return undefined;
    const value = attribute[field];
    if (value !== undefined) return value;
    // Writers leave out what is 0 or empty.
    if (attribute.type === attributeTypes[kind] && empty !== undefined) return empty;
    throw this.error(`${name} to be ${kind}`, `an attribute of type ${attribute.type}`);
  }

  /** An attribute that is an integer. */
  int(name: string): number | undefined;
  int(name: string, otherwise: number): number;
  int(name: string, otherwise?: number): number | undefined {
    const value = this.#attribute(name, "int", "int", 0) ?? otherwise;
    if (value !== undefined && !Number.isSafeInteger(value))
      throw this.error(`${name} to be an integer`, String(value));
    return value;
  }

  /** An attribute that is 0 or 1. */
  flag(name: string, otherwise: boolean): boolean {
    return this.int(name, otherwise ? 1 : 0) !== 0;
  }

  /** An attribute that is a finite number. */
  float(name: string, otherwise: number): number {
    const value = this.#attribute(name, "float", "float", 0) ?? otherwise;
    if (!Number.isFinite(value)) throw this.error(`${name} to be finite`, String(value));
    return value;
  }

  /** An attribute that is a text, one of those given. */
  text<T extends string>(name: string, known: readonly T[], otherwise: T): T {
    const value = this.#attribute(name, "text", "string", "") ?? otherwise;
    if (!known.includes(value as T))
      throw this.error(
        `${name} to be ${known.map((one) => JSON.stringify(one)).join(" or ")}`,
        describe(value),
      );
    return value as T;
  }

  /** An attribute that is a list of integers. */
  ints(name: string): readonly number[] | undefined {
    const attribute = this.proto.attributes.get(name);
    if (attribute === undefined) return undefined;
    if (attribute.type !== attributeTypes.ints && attribute.ints.length === 0)
      throw this.error(`${name} to be integers`, `an attribute of type ${attribute.type}`);
    return attribute.ints;
  }

  /** An attribute that is a list of numbers. */
  floats(name: string): readonly number[] | undefined {
    return this.proto.attributes.get(name)?.floats;
  }

  /** An attribute that is an element type. */
  elementType(name: string): ElementType {
    return elementTypeOf(`${this.who}: ${name}`, this.int(name));
  }

  /** An attribute that is a tensor. */
  tensor(name: string): Constant | undefined {
    const proto = this.#attribute(name, "tensor", "tensor");
    return proto && storedConstant(`${this.who}: ${name}`, proto, this.#context.source);
  }

  /** Whether there is an input of an index. */
  has(index: number): boolean {
    return (this.proto.inputs[index] ?? "") !== "";
  }

  /** An input. */
  input(index: number): Constant | Signal {
    const name = this.proto.inputs[index] ?? "";
    const value = this.builder.values.get(name);
    if (value !== undefined) return value;
    throw this.error(
      `input ${index}`,
      name === "" ? "none" : `${JSON.stringify(name)}, which nothing makes`,
    );
  }

  /** The inputs that are there. */
  inputs(): (Constant | Signal)[] {
    return this.proto.inputs.flatMap((_, index) => (this.has(index) ? [this.input(index)] : []));
  }

  /** An input that depends on the model's, in the type that the model computes with. */
  signal(index: number): Signal {
    const value = this.input(index);
    if (!isSignal(value))
      throw this.error(`input ${index} to depend on the model's input`, "a constant");
    if (!isFloatType(value.type))
      throw this.error(
        `input ${index} to be of a float type`,
        value.type,
        "Integers that depend on the input can only be cast.",
      );
    return value;
  }

  /** An input as images, channels last. */
  images(index: number): Signal {
    const signal = this.signal(index);
    if (signal.shape.length !== 4)
      throw this.error("images [N, C, H, W]", `shape ${formatShape(signal.shape)}`);
    return this.builder.arranged(this.who, this.name, signal, usualOrder(4));
  }

  /** An input that is a constant, named as ONNX does. */
  constant(index: number, what: string): Constant {
    const value = this.input(index);
    if (isSignal(value))
      throw this.error(`${what} (input ${index}) to be constant`, "one that depends on the input");
    return value;
  }

  /** A constant input of float type, its axes in another order. */
  async weights(
    index: number,
    what: string,
    view?: Shape,
    order?: readonly number[],
  ): Promise<Tensor> {
    return this.elements(this.constant(index, what), what, view, order);
  }

  /** A constant of float type, its axes in another order. */
  async elements(
    constant: Constant,
    what: string,
    view?: Shape,
    order?: readonly number[],
  ): Promise<Tensor> {
    if (!isFloatType(constant.type)) throw this.error(`${what} of a float type`, constant.type);
    if (view !== undefined && sizeOf(view) !== sizeOf(constant.shape))
      throw this.error(
        `${what} of ${sizeOf(view)} elements`,
        `shape ${formatShape(constant.shape)}`,
      );
    return constant.load(this.builder.dtype, view, order);
  }

  /** A constant vector with an element for each of `count` channels. */
  async vector(index: number, what: string, count: number): Promise<Tensor> {
    const { shape } = this.constant(index, what);
    if (shape.length !== 1 || shape[0] !== count)
      throw this.error(`${what} of shape [${count}]`, formatShape(shape));
    return this.weights(index, what);
  }

  /** A constant input as a list of numbers. */
  async numbers(index: number, what: string, most = 64): Promise<number[]> {
    const constant = this.constant(index, what);
    if (constant.shape.length > 1 || sizeOf(constant.shape) > most)
      throw this.error(
        `${what}: a vector of at most ${most}`,
        `shape ${formatShape(constant.shape)}`,
      );
    return [...(await constant.load("float64")).data()];
  }

  /** A constant input that is a single number. */
  async number(index: number, what: string): Promise<number> {
    const constant = this.constant(index, what);
    if (sizeOf(constant.shape) !== 1)
      throw this.error(`${what}: one number`, `shape ${formatShape(constant.shape)}`);
    return (await constant.load("float64")).data()[0]!;
  }

  /** An axis from the front, of a value of some rank. */
  axis(axis: number, rank: number): number {
    if (axis < -rank || axis >= rank)
      throw this.error(`an axis of its input, which has rank ${rank}`, String(axis));
    return axis < 0 ? axis + rank : axis;
  }

  /** Applies the layer that the node is. */
  layer(
    make: (base: Base) => AnyLayer,
    inputs: SymbolicTensor | readonly SymbolicTensor[],
    parameters?: Parameters,
  ): SymbolicTensor {
    return this.builder.apply(this.who, this.name, make, inputs, parameters);
  }

  /** Applies a layer that the node needs besides. */
  helper(
    what: string,
    make: (base: Base) => AnyLayer,
    inputs: SymbolicTensor | readonly SymbolicTensor[],
    parameters?: Parameters,
  ): SymbolicTensor {
    return this.builder.apply(this.who, `${this.name}/${what}`, make, inputs, parameters);
  }

  /** A value in the layout that is usual for its rank. */
  usual(signal: Signal): Signal {
    return this.builder.usual(this.who, this.name, signal);
  }

  /** Throws unless only the first `count` outputs are used by others. */
  requireOutputs(count: number): void {
    const extra = this.proto.outputs.slice(count).find((name) => this.#context.used.has(name));
    if (extra !== undefined)
      throw this.error(
        count === 1 ? "its first output alone to be used" : `${count} outputs to be used`,
        JSON.stringify(extra),
      );
  }

  /** Says what an output is. */
  give(value: Signal | Constant, index = 0): void {
    if (isSignal(value)) checkExtents(this.who, value.shape);
    const name = this.proto.outputs[index] ?? "";
    if (name === "") return;
    this.builder.values.set(name, value);
    if (!isSignal(value)) return;
    this.builder.alias(value, name);
    if (index === 0) this.builder.alias(value, this.name);
  }
}

/** Whether a value depends on the input. */
export function isSignal(value: Constant | Signal): value is Signal {
  return "symbol" in value;
}
