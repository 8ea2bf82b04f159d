/** @file From an ONNX file to a model of layers: inputs, nodes in order, outputs. */
import { complaint } from "../../../../base/errors.ts";
import { nearNames } from "../../../../base/near-names.ts";
import { FormatError, refuse } from "../../../errors.ts";
import { type OnnxFile, type NodeProto, type ValueProto, readFile } from "./file.ts";
import { type Shape, formatShape, sameShape } from "../../../../ir/shape.ts";
import { input, model } from "../../../../nn/index.ts";
import { Builder, checkExtents, type Signal, sampleOf, usualOrder, refusal } from "./builder.ts";
import { elementTypeOf, isFloatType, Progress, storedConstant } from "./constant.ts";
import type { Tensor } from "../../../../ir/tensor.ts";
import type { Model } from "../../../../nn/graph/model.ts";
import type { ReadOptions } from "../../../format.ts";
import type { ByteSource } from "../../../source.ts";
import { operators } from "./operators/index.ts";
import { type FileContext, NodeReader, isSignal } from "./node.ts";

/** A name in a message: names in files may be of any length. */
function quoted(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name);
}

/** A node of the file, as messages name it. */
export function placeOf(file: string, node: NodeProto, index: number): string {
  const name = node.name || node.outputs.find((output) => output !== "");
  return `${file}: node ${index}${name === undefined ? "" : ` ${quoted(name)}`} (${node.operator.slice(0, 100)})`;
}

/** Throws FormatError where two have one name: which of them is meant, nobody knows. */
function requireDistinct(place: string, values: readonly { readonly name: string }[]): void {
  const names = new Set<string>();
  for (const { name } of values) {
    if (names.has(name)) refuse(place, "a name of its own for each", `two ${quoted(name)}`);
    names.add(name);
  }
}

/** Nodes that the outputs need, in order, with their places in the file. */
export function orderedNodes(
  who: string,
  { nodes, inputs, initializers, outputs }: OnnxFile,
): { readonly node: NodeProto; readonly place: string }[] {
  requireDistinct(`${who}: inputs`, inputs);
  requireDistinct(`${who}: initializers`, initializers);
  const given = new Set([...inputs, ...initializers].map(({ name }) => name));
  const makers = new Map<string, number>();
  for (const [index, node] of nodes.entries())
    for (const output of node.outputs) {
      if (output === "") continue;
      if (makers.has(output) || given.has(output))
        refuse(
          placeOf(who, node, index),
          "outputs of its own",
          `${quoted(output)}, which something else makes too`,
        );
      makers.set(output, index);
    }
  const missing = (name: string, place: string): FormatError =>
    new FormatError(
      complaint(
        place,
        "values that the graph makes",
        quoted(name),
        `Most like it: ${nearNames(name, [...makers.keys(), ...given]).join(", ")}.`,
      ),
    );
  const order: number[] = [];
  const state = new Map<number, "open" | "done">();
  // A stack of its own: networks may be deeper than calls may nest.
  const path: { readonly index: number; next: number }[] = [];
  const enter = (name: string, place: string): void => {
    if (name === "" || given.has(name)) return;
    const index = makers.get(name);
    if (index === undefined) throw missing(name, place);
    const known = state.get(index);
    if (known === "open")
      refuse(
        placeOf(who, nodes[index]!, index),
        "a graph without cycles",
        `${quoted(name)}, which follows from itself`,
      );
    if (known === "done") return;
    state.set(index, "open");
    path.push({ index, next: 0 });
  };
  for (const output of outputs) {
    enter(output.name, `${who}: output`);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const node = nodes[top.index]!;
      if (top.next < node.inputs.length)
        enter(node.inputs[top.next++]!, placeOf(who, node, top.index));
      else {
        state.set(top.index, "done");
        order.push(top.index);
        path.pop();
      }
    }
  }
  return order.map((index) => ({
    node: nodes[index]!,
    place: placeOf(who, nodes[index]!, index),
  }));
}

/** Operators behind which images lie as they lay before. */
const passing = new Set(["Identity", "Cast", "Add", "Sub", "Mul", "Div", "Dropout", "Clip"]);

/**
 * Whether images come in as [N, H, W, C]: networks from TensorFlow, and our own, transpose them first, or reshape those of one
 * channel.
 */
function isChannelsLast(
  { name, dims }: ValueProto,
  takers: ReadonlyMap<string, readonly NodeProto[]>,
): boolean {
  const [, rows, columns, channels] = dims ?? [];
  const looksSo = [rows, columns].every((extent) => (extent ?? 5) > 4) && (channels ?? 5) <= 4;
  const seen = new Set([name]);
  for (const value of seen)
    for (const node of takers.get(value) ?? []) {
      if (node.operator === "Transpose")
        return node.attributes.get("perm")?.ints.join() === "0,3,1,2";
      if (node.operator === "Reshape") return looksSo;
      if (passing.has(node.operator)) for (const output of node.outputs) seen.add(output);
    }
  return false;
}

/** The inputs that are not initializers. */
export function realInputs({ inputs, initializers }: OnnxFile): ValueProto[] {
  const given = new Set(initializers.map(({ name }) => name));
  return inputs.filter(({ name }) => !given.has(name));
}

/** The batch that the file declares: 1 where it leaves it open. */
export function batchOf(who: string, inputs: readonly ValueProto[]): number {
  const batches = new Set(
    inputs.map(({ dims }) => dims?.[0]).filter((extent) => extent !== undefined && extent > 0),
  );
  if (batches.size > 1)
    refuse(who, "inputs of one batch", [...batches].join(" and "), "Axis 0 is the batch.");
  const [batch = 1] = batches;
  return batch;
}

/** Makes an input layer. `inputShape` is that of a sample, channels last. */
export function applyInput(
  who: string,
  builder: Builder,
  proto: ValueProto,
  batch: number,
  inputShape: Shape | undefined,
  takers: ReadonlyMap<string, readonly NodeProto[]>,
): Signal {
  const { name, dims, type, parameters } = proto;
  const place = `${who}: input ${JSON.stringify(name)}`;
  const elementType = elementTypeOf(place, type);
  if (!isFloatType(elementType))
    refuse(place, "an input of a float type", elementType, "Export the network with one.");
  const rank = dims?.length ?? (inputShape === undefined ? 0 : inputShape.length + 1);
  if (rank < 2 || rank > 8)
    refuse(
      place,
      "a batch of samples, such as [N, C, H, W]",
      dims === undefined ? "no shape" : `${rank} axes`,
      dims === undefined ? "Give inputShape: [rows, columns, channels]." : undefined,
    );
  const order = rank === 4 && isChannelsLast(proto, takers) ? [0, 1, 2, 3] : usualOrder(rank);
  const declared = Array.from({ length: rank }, (_, axis) => {
    const extent = dims?.[axis];
    return extent !== undefined && extent > 0 ? extent : undefined;
  });
  const sample = order.slice(1).map((axis) => declared[axis]);
  const shown = `[${sample.map((extent) => extent ?? "?").join(", ")}]`;
  if (inputShape === undefined && sample.includes(undefined))
    refuse(
      place,
      "a shape in numbers, but for the batch",
      `${shown} (channels last)${parameters.length > 0 ? `, with ${parameters.join(", ")} open` : ""}`,
      "Give inputShape, such as [224, 224, 3].",
    );
  if (
    inputShape !== undefined &&
    (inputShape.length !== rank - 1 ||
      sample.some((extent, axis) => extent !== undefined && extent !== inputShape[axis]))
  )
    refuse(`${place}: inputShape`, `${shown}, as the file has it`, formatShape(inputShape));
  const shape = Array.from({ length: rank }, () => batch);
  for (const [position, axis] of order.entries())
    if (position > 0) shape[axis] = inputShape?.[position - 1] ?? declared[axis]!;
  checkExtents(place, shape);
  const symbol = input({
    shape: sampleOf(shape, order),
    dtype: builder.dtype,
    ...(name !== "" && { name: builder.nameOf(name) }),
  });
  return { symbol, type: elementType, shape, order };
}

/** Versions of the operators that are read. */
export const opsets = { first: 7, last: 22 } as const;

/** The names of the operators that are read, with what of each, for lists. */
export function onnxOperators(): { readonly name: string; readonly note: string | undefined }[] {
  return Object.entries(operators)
    .map(([name, { note }]) => ({ name, note }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Reads an ONNX classifier as a model of layers, channels last. Layers are named after nodes, and found by the names of the values
 * they make too. Throws FormatError naming file, node, what was expected and what came.
 */
export async function readOnnx(
  source: ByteSource,
  { inputShape, signal: abort, onProgress }: ReadOptions,
): Promise<Model<Tensor, Tensor>> {
  const who = source.name;
  const file = await readFile(source);
  const opset = opsetOf(who, file);
  const inputs = realInputs(file);
  const nodes = orderedNodes(who, file);
  const wide = inputs.some(
    ({ type }) =>
      type !== undefined && type > 0 && type <= 16 && elementTypeOf(who, type) === "double",
  );
  const builder = new Builder(wide ? "float64" : "float32");
  const batch = batchOf(who, inputs);
  const progress = new Progress(onProgress);
  const takers = takersOf(nodes.map(({ node }) => node));
  for (const proto of file.initializers) {
    const place = `${who}: initializer ${JSON.stringify(proto.name)}`;
    builder.values.set(proto.name, storedConstant(place, proto, source, progress));
  }
  const used = new Set([...takers.keys(), ...file.outputs.map(({ name }) => name)]);
  const wanted = inputs.filter(({ name }) => used.has(name));
  for (const proto of wanted)
    builder.values.set(proto.name, applyInput(who, builder, proto, batch, inputShape, takers));
  const declared = new Map([...file.values, ...file.outputs].map((value) => [value.name, value]));
  const setting: FileContext = { builder, source, opset, used };
  for (const { node, place } of nodes) {
    abort?.throwIfAborted();
    try {
      await build(new NodeReader(place, node, setting));
    } catch (cause) {
      throw refusal(place, cause);
    }
    for (const name of node.outputs) check(place, builder, declared.get(name), batch);
  }
  const outputs = file.outputs.map(({ name }) => outputOf(who, builder, name));
  if (outputs.length === 0 || wanted.length === 0)
    refuse(who, "a graph with inputs and outputs", "one without");
  builder.nameAliases();
  const symbols = wanted.map(({ name }) => (builder.values.get(name) as Signal).symbol);
  return model({
    inputs: symbols.length === 1 ? symbols[0]! : symbols,
    outputs: outputs.length === 1 ? outputs[0]! : outputs,
    ...(file.name !== "" && { name: file.name }),
  }) as Model<Tensor, Tensor>;
}

function opsetOf(who: string, { opsets: found }: OnnxFile): number {
  const opset = found.get("");
  const { first, last } = opsets;
  if (opset !== undefined && opset >= first && opset <= last) return opset;
  refuse(
    who,
    `operators of opset ${first} to ${last}`,
    opset === undefined ? "no opset" : `opset ${opset}`,
    "Export the network again, or convert it with onnx.version_converter.",
  );
}

/** The nodes that take each value. */
function takersOf(nodes: readonly NodeProto[]): ReadonlyMap<string, readonly NodeProto[]> {
  const takers = new Map<string, NodeProto[]>();
  for (const node of nodes)
    for (const name of node.inputs) {
      const known = takers.get(name);
      if (known === undefined) takers.set(name, [node]);
      else known.push(node);
    }
  return takers;
}

/** Makes what a node stands for. */
async function build(step: NodeReader): Promise<void> {
  const { operator: name, domain } = step.proto;
  const operator = domain === "" || domain === "ai.onnx" ? found(name) : undefined;
  if (operator === undefined) {
    const names = Object.keys(operators).toSorted();
    throw step.error(
      `one of the operators ${names.join(", ")}`,
      domain === "" ? name : `${name} of ${domain}`,
      /quant/i.test(name)
        ? "Quantised networks are not read: export it in floats."
        : `Most like it: ${nearNames(name, names).join(", ")}.`,
    );
  }
  const isConstant = step.inputs().every((value) => !isSignal(value));
  if (isConstant && operator.fold !== undefined) {
    step.requireOutputs(1);
    return step.give(await operator.fold(step));
  }
  if (operator.build === undefined)
    throw step.error("inputs that are constant", "some that depend on the model's input");
  await operator.build(step);
}

function found(name: string): (typeof operators)[string] | undefined {
  return Object.hasOwn(operators, name) ? operators[name] : undefined;
}

/** Throws where the file declares another shape or type of a value than follows. */
function check(
  place: string,
  { values }: Builder,
  declared: ValueProto | undefined,
  batch: number,
): void {
  const value = declared && values.get(declared.name);
  if (declared === undefined || value === undefined) return;
  const { dims, type } = declared;
  const fits =
    dims === undefined ||
    (dims.length === value.shape.length &&
      dims.every(
        (extent, axis) =>
          extent === undefined ||
          extent <= 0 ||
          extent === value.shape[axis] ||
          (axis === 0 && extent === batch),
      ));
  if (!fits)
    refuse(
      place,
      `${JSON.stringify(declared.name)} of shape [${dims.map((extent) => extent ?? "?").join(", ")}], as the file declares`,
      formatShape(value.shape),
    );
  if (type !== undefined && type !== 0 && elementTypeOf(place, type) !== value.type)
    refuse(
      place,
      `${JSON.stringify(declared.name)} of type ${elementTypeOf(place, type)}, as the file declares`,
      value.type,
    );
}

/**
 * An output as the model gives it: images channels last, others as in ONNX (which has channels last itself where the file brought
 * them there). Axes of extent 1 that no layer made stay away.
 */
function outputOf(who: string, builder: Builder, name: string): Signal["symbol"] {
  const value = builder.values.get(name);
  const place = `${who}: output ${JSON.stringify(name)}`;
  if (value === undefined || !isSignal(value))
    refuse(place, "a value that follows from the input", "a constant");
  const { order, shape } = value;
  const asInFile = shape.map((_, axis) => axis);
  const wanted = sameShape(order, asInFile) ? asInFile : usualOrder(shape.length);
  const kept = wanted.filter((axis) => order.includes(axis) || shape[axis] !== 1);
  return builder.arranged(place, name, value, kept).symbol;
}
