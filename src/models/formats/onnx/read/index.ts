/** @file From an ONNX file to a model of layers. */
import { complaint } from "../../../../base/errors.ts";
import { nearNames } from "../../../../base/near-names.ts";
import { formatShape, sameShape } from "../../../../ir/shape.ts";
import type { Tensor } from "../../../../ir/tensor.ts";
import type { Model } from "../../../../nn/graph/model.ts";
import { model } from "../../../../nn/index.ts";
import { FormatError } from "../../../errors.ts";
import type { ReadOptions } from "../../../format.ts";
import type { ByteSource } from "../../../sources/byte-source.ts";
import { Builder, refusal } from "./builder.ts";
import { Progress, elementTypeOf, storedConstant } from "./constant.ts";
import { type OnnxFile, readFile } from "./file.ts";
import { orderedNodes } from "./graph.ts";
import { applyInput, batchOf, realInputs } from "./inputs.ts";
import type { NodeProto, ValueProto } from "./messages.ts";
import { operators } from "./operators/index.ts";
import { type Signal, usualOrder } from "./signal.ts";
import { type Setting, Step, isSignal } from "./step.ts";

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
  const setting: Setting = { builder, source, opset, used };
  for (const { node, place } of nodes) {
    abort?.throwIfAborted();
    try {
      await build(new Step(place, node, setting));
    } catch (cause) {
      throw refusal(place, cause);
    }
    for (const name of node.outputs) check(place, builder, declared.get(name), batch);
  }
  const outputs = file.outputs.map(({ name }) => outputOf(who, builder, name));
  if (outputs.length === 0 || wanted.length === 0)
    throw new FormatError(complaint(who, "a graph with inputs and outputs", "one without"));
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
  throw new FormatError(
    complaint(
      who,
      `operators of opset ${first} to ${last}`,
      opset === undefined ? "no opset" : `opset ${opset}`,
      "Export the network again, or convert it with onnx.version_converter.",
    ),
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
async function build(step: Step): Promise<void> {
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
    throw new FormatError(
      complaint(
        place,
        `${JSON.stringify(declared.name)} of shape [${dims.map((extent) => extent ?? "?").join(", ")}], as the file declares`,
        formatShape(value.shape),
      ),
    );
  if (type !== undefined && type !== 0 && elementTypeOf(place, type) !== value.type)
    throw new FormatError(
      complaint(
        place,
        `${JSON.stringify(declared.name)} of type ${elementTypeOf(place, type)}, as the file declares`,
        value.type,
      ),
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
    throw new FormatError(complaint(place, "a value that follows from the input", "a constant"));
  const { order, shape } = value;
  const asInFile = shape.map((_, axis) => axis);
  const wanted = sameShape(order, asInFile) ? asInFile : usualOrder(shape.length);
  const kept = wanted.filter((axis) => order.includes(axis) || shape[axis] !== 1);
  return builder.arranged(place, name, value, kept).symbol;
}
