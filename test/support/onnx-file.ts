/** @file ONNX files written by hand, right or wrong. */
import { PbfWriter } from "pbf";
import { attributeTypes, fields } from "../../src/models/formats/onnx/schema.ts";

/** A tensor of a file: `type` is the number of its element type, `raw` its bytes. */
export interface HandTensor {
  readonly dims: readonly number[];
  readonly type?: number;
  readonly raw?: Uint8Array;
  /** Elements in float_data. */
  readonly floats?: readonly number[];
  readonly external?: Readonly<Record<string, string>>;
}

/** A node of a file. */
export interface HandNode {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, number | string | readonly number[] | Uint8Array>>;
}

/** A value with its shape; texts are open extents. */
export type HandValue = readonly [name: string, dims?: readonly (number | string)[], type?: number];

/** A whole file. */
export interface HandModel {
  readonly opset?: number;
  readonly nodes?: readonly HandNode[];
  readonly tensors?: Readonly<Record<string, HandTensor>>;
  readonly inputs?: readonly HandValue[];
  readonly outputs?: readonly HandValue[];
  readonly values?: readonly HandValue[];
}

/** The bytes of numbers as float32. */
export function floatBytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(new Float32Array(values).buffer);
}

/** The bytes of numbers as int64. */
export function intBytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer);
}

/** A file. Without more it is one Relu of images [1, 2, 4, 4]. */
export function onnxFile(model: HandModel = {}): Uint8Array {
  const { opset = 13, tensors = {}, values = [] } = model;
  const { nodes = [{ op: "Relu", inputs: ["x"], outputs: ["y"], name: "it" }] } = model;
  const { inputs = [["x", [1, 2, 4, 4]]], outputs = [["y"]] } = model;
  const pbf = new PbfWriter();
  pbf.writeVarintField(fields.model.irVersion, 8);
  pbf.writeMessage(fields.model.graph, writeGraph, { nodes, tensors, inputs, outputs, values });
  pbf.writeMessage(fields.model.opsetImport, writeOpset, opset);
  return pbf.finish().slice();
}

function writeOpset(opset: number, pbf: PbfWriter): void {
  pbf.writeVarintField(fields.operatorSet.version, opset);
}

type Graph = Required<Omit<HandModel, "opset">>;

function writeGraph(graph: Graph, pbf: PbfWriter): void {
  for (const node of graph.nodes) pbf.writeMessage(fields.graph.node, writeNode, node);
  for (const [name, tensor] of Object.entries(graph.tensors))
    pbf.writeMessage(fields.graph.initializer, writeTensor, { ...tensor, name });
  for (const value of graph.inputs) pbf.writeMessage(fields.graph.input, writeValue, value);
  for (const value of graph.outputs) pbf.writeMessage(fields.graph.output, writeValue, value);
  for (const value of graph.values) pbf.writeMessage(fields.graph.valueInfo, writeValue, value);
}

function writeNode(node: HandNode, pbf: PbfWriter): void {
  for (const input of node.inputs ?? ["x"]) pbf.writeStringField(fields.node.input, input);
  for (const output of node.outputs ?? ["y"]) pbf.writeStringField(fields.node.output, output);
  if (node.name !== undefined) pbf.writeStringField(fields.node.name, node.name);
  pbf.writeStringField(fields.node.opType, node.op);
  for (const attribute of Object.entries(node.attributes ?? {}))
    pbf.writeMessage(fields.node.attribute, writeAttribute, attribute);
  if (node.domain !== undefined) pbf.writeStringField(fields.node.domain, node.domain);
}

function writeAttribute(
  [name, value]: [string, number | string | readonly number[] | Uint8Array],
  pbf: PbfWriter,
): void {
  const { attribute } = fields;
  pbf.writeStringField(attribute.name, name);
  if (value instanceof Uint8Array) {
    pbf.writeBytesField(attribute.g, value);
    pbf.writeVarintField(attribute.type, attributeTypes.graph);
  } else if (typeof value === "string") {
    pbf.writeStringField(attribute.s, value);
    pbf.writeVarintField(attribute.type, attributeTypes.string);
  } else if (typeof value === "number") {
    const isInt = Number.isInteger(value);
    if (isInt) pbf.writeVarintField(attribute.i, value);
    else pbf.writeFloatField(attribute.f, value);
    pbf.writeVarintField(attribute.type, attributeTypes[isInt ? "int" : "float"]);
  } else {
    for (const int of value) pbf.writeVarintField(attribute.ints, int);
    pbf.writeVarintField(attribute.type, attributeTypes.ints);
  }
}

function writeTensor(given: HandTensor & { readonly name: string }, pbf: PbfWriter): void {
  const { tensor } = fields;
  for (const extent of given.dims) pbf.writeVarintField(tensor.dims, extent);
  pbf.writeVarintField(tensor.dataType, given.type ?? 1);
  pbf.writeStringField(tensor.name, given.name);
  if (given.raw !== undefined) pbf.writeBytesField(tensor.rawData, given.raw);
  if (given.floats !== undefined) pbf.writePackedFloat(tensor.floatData, [...given.floats]);
  if (given.external === undefined) return;
  for (const entry of Object.entries(given.external))
    pbf.writeMessage(tensor.externalData, writeEntry, entry);
  pbf.writeVarintField(tensor.dataLocation, 1);
}

function writeEntry([key, value]: [string, string], pbf: PbfWriter): void {
  pbf.writeStringField(fields.entry.key, key);
  pbf.writeStringField(fields.entry.value, value);
}

function writeValue([name, dims, type = 1]: HandValue, pbf: PbfWriter): void {
  pbf.writeStringField(fields.valueInfo.name, name);
  pbf.writeMessage(fields.valueInfo.type, writeType, { dims, type });
}

interface Declared {
  readonly dims: readonly (number | string)[] | undefined;
  readonly type: number;
}

function writeType(declared: Declared, pbf: PbfWriter): void {
  pbf.writeMessage(fields.type.tensor, writeTensorType, declared);
}

function writeTensorType({ dims, type }: Declared, pbf: PbfWriter): void {
  pbf.writeVarintField(fields.tensorType.elementType, type);
  if (dims !== undefined) pbf.writeMessage(fields.tensorType.shape, writeShape, dims);
}

function writeShape(dims: readonly (number | string)[], pbf: PbfWriter): void {
  for (const extent of dims) pbf.writeMessage(fields.shape.dimension, writeDimension, extent);
}

function writeDimension(extent: number | string, pbf: PbfWriter): void {
  if (typeof extent === "number") pbf.writeVarintField(fields.dimension.value, extent);
  else pbf.writeStringField(fields.dimension.parameter, extent);
}
