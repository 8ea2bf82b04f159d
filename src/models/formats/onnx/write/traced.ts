/** @file A model as a graph of primitives, without loops, with the batch left open and with the names of its layers. */
import * as nn from "../../../../nn/index.ts";
import { type DType, isFloat } from "../../../../ir/dtype.ts";
import { ArgumentError, complaint, describe } from "../../../../base/errors.ts";
import {
  type Graph,
  type Node,
  type TensorType,
  type Value,
  isPrim,
} from "../../../../ir/graph.ts";
import type { Shape } from "../../../../ir/shape.ts";
import { Tensor } from "../../../../ir/tensor.ts";
import { type TracedFunction, apply, trace } from "../../../../ir/trace.ts";
import { inlineCalls } from "../../../../compile/passes/inline-calls.ts";
import { tidy } from "../../../../compile/passes/index.ts";
import { FormatError } from "../../../errors.ts";
import { type Bound, type Dims, batches, dimsOf } from "./dims.ts";

/** What can be exported: a layer or model, a module with `forward(x)`, or a function of one tensor or a list. */
export type Exportable =
  // oxlint-disable-next-line typescript/no-explicit-any
  nn.Layer<any, any> | (nn.Module & { forward(x: any): unknown }) | ((x: any) => unknown);

/** One input, where the model does not say. */
export interface OnnxInput {
  readonly name?: string;
  /** Of one sample, without the batch. */
  readonly shape: Shape;
  /** float32 unless given. */
  readonly dtype?: DType;
}

/** A traced model. */
export interface TracedModel extends Bound {
  readonly inputs: readonly { readonly name: string; readonly value: Value }[];
  readonly outputs: readonly Value[];
  /** Outputs of layers, by the path of names that leads to the layer. */
  readonly layers: ReadonlyMap<Value, string>;
  readonly dims: ReadonlyMap<Value, Dims>;
}

/** Says which composites stay nodes; `isConstant` tells which values do not depend on the model's inputs. */
export type Keeps = (
  composite: Node<"composite">,
  isConstant: (value: Value) => boolean,
) => boolean;

/** Traces a model whose layers have these names. Throws FormatError or ArgumentError naming `who` for models that cannot be exported. */
export function traceModel(
  who: string,
  model: Exportable,
  names: ReadonlyMap<object, string>,
  given: readonly OnnxInput[] | undefined,
  batch: number | undefined,
  keeps: Keeps,
): TracedModel {
  const inputs = given ?? inputsOf(who, model);
  const takesList =
    model instanceof nn.Layer && model.inputShape !== undefined
      ? Array.isArray(model.inputShape[0])
      : inputs.length > 1;
  const run = (count: number): Run => {
    const types = inputs.map(({ shape, dtype = "float32" }): TensorType => ({
      shape: [count, ...shape],
      dtype,
    }));
    let results = 0;
    const labels: string[] = [];
    const traced = trace((...tensors) => {
      const watched: Tensor[] = [];
      const watch = (layer: object, output: Tensor | readonly Tensor[]): void => {
        for (const tensor of Array.isArray(output) ? (output as Tensor[]) : [output as Tensor]) {
          labels.push(names.get(layer) ?? "layer");
          watched.push(tensor);
        }
      };
      const x = takesList ? tensors : tensors[0]!;
      const given =
        typeof model === "function" ? model(x) : model.forward(x, { ...nn.inference, watch });
      const outputs = outputsOf(who, given);
      if (model instanceof nn.Layer) watch(model, outputs);
      results = outputs.length;
      return [...outputs, ...watched];
    }, types);
    const { graph, captured } = withoutLoops(who, traced, inputs.length, keeps);
    return { graph: tidy(graph), captured, results, labels };
  };
  const bound = run(batch ?? batches[0]);
  const { graph, results, labels } = bound;
  const values = [...graph.inputs, ...graph.nodes.flatMap(({ outputs }) => outputs)];
  // What passes its input on, or holds other layers, has the output of a layer before.
  const layers = new Map<Value, string>();
  graph.outputs.slice(results).forEach((value, index) => {
    if (value.node !== null && !layers.has(value)) layers.set(value, labels[index]!);
  });
  return {
    ...bound,
    inputs: inputs.map(({ name }, index) => ({
      name: name ?? (inputs.length === 1 ? "input" : `input_${index + 1}`),
      value: graph.inputs[index]!,
    })),
    outputs: graph.outputs.slice(0, results),
    layers,
    dims:
      batch === undefined
        ? dimsOf(who, bound, run(batches[1]))
        : new Map(values.map((value) => [value, value.shape])),
  };
}

/** A traced model whose outputs are followed by those of its layers, which `labels` names. */
interface Run extends Bound {
  readonly results: number;
  readonly labels: readonly string[];
}

/** The inputs that a model declares. */
function inputsOf(who: string, model: Exportable): OnnxInput[] {
  if (model instanceof nn.Model)
    return model.inputs.map(({ shape, dtype, node }) => ({
      shape,
      dtype,
      ...(node.layer.name !== undefined && { name: node.layer.name }),
    }));
  if (!(model instanceof nn.Layer) || model.inputShape === undefined)
    throw new ArgumentError(
      complaint(
        who,
        "a model that knows the shape of its input",
        model instanceof nn.Layer ? `${model.label} without one` : describe(model),
        "Give { inputs: [{ shape: [224, 224, 3] }] }, say: the shape of one sample.",
      ),
    );
  const dtype = model.parameters().find((parameter) => isFloat(parameter.dtype))?.dtype;
  const shapes = model.inputShape as Shape | readonly Shape[];
  const list = Array.isArray(shapes[0]) ? (shapes as readonly Shape[]) : [shapes as Shape];
  return list.map((shape) => ({ shape, ...(dtype !== undefined && { dtype }) }));
}

function outputsOf(who: string, result: unknown): readonly Tensor[] {
  const list: readonly unknown[] = Array.isArray(result) ? result : [result];
  if (list.length === 0 || !list.every((item) => item instanceof Tensor))
    throw new ArgumentError(
      complaint(`${who}: forward`, "a tensor or a list of tensors", describe(result)),
    );
  return list;
}

/** Calls and composites that ONNX does not have pasted in, solves of fixed steps and scans written out step by step. */
function withoutLoops(
  who: string,
  { graph, captured }: TracedFunction,
  own: number,
  keeps: Keeps,
): Bound {
  const constants = constantsOf(graph, own);
  const flat = inlineCalls(graph, (node) => keeps(node, (value) => constants.has(value)));
  if (!flat.nodes.some(({ prim }) => prim === "host")) return { graph: flat, captured };
  const again = trace(
    (...given) => {
      const known = new Map(
        flat.inputs.map((value, index) => [value, given[index] ?? captured[index - own]!]),
      );
      for (const node of flat.nodes) {
        const inputs = node.inputs.map((value) => known.get(value)!);
        const outputs = isPrim(node, "host")
          ? unroll(who, node.params.op, inputs)
          : apply(node.prim, node.params, inputs, node.outputs);
        node.outputs.forEach((value, index) => known.set(value, outputs[index]!));
      }
      return flat.outputs.map((value) => known.get(value)!);
    },
    flat.inputs.slice(0, own),
  );
  return withoutLoops(who, again, own, keeps);
}

/** Values that do not depend on the first `own` inputs. */
function constantsOf({ inputs, nodes }: Graph, own: number): ReadonlySet<Value> {
  const constants = new Set(inputs.slice(own));
  for (const node of nodes)
    if (node.inputs.every((input) => constants.has(input)))
      for (const output of node.outputs) constants.add(output);
  return constants;
}

type HostOp = Parameters<typeof apply<"host">>[1]["op"];

function unroll(who: string, op: HostOp, inputs: readonly Tensor[]): readonly Tensor[] {
  if (op.unroll === undefined)
    throw new FormatError(
      complaint(who, "operations that can be written out in ONNX", `"${op.name}"`),
    );
  return op.unroll(inputs);
}
