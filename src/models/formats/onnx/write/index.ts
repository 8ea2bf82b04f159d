/** @file Models to ONNX files (opset 17). */
import { checkOptions } from "../../../../base/options.ts";
import { ArgumentError, complaint, describe } from "../../../../base/errors.ts";
import type { Value } from "../../../../ir/graph.ts";
import { onnxChunks } from "./chunks.ts";
import { Emitter } from "./emitter.ts";
import type { Layout } from "./forms.ts";
import { hasOperator } from "./composites.ts";
import { Namer, namesOf } from "./namer.ts";
import { type OnnxGraph, type OnnxNode, type OnnxPort, elementTypeOf } from "./onnx-graph.ts";
import { lowerAll } from "./steps.ts";
import { type Exportable, type OnnxInput, type TracedModel, traceModel } from "./traced.ts";

export type { Exportable, OnnxInput } from "./traced.ts";

/** Options of `exportOnnx`. */
export interface OnnxOptions {
  /** Inputs, where the model does not say: modules and functions. */
  readonly inputs?: readonly OnnxInput[];
  /** The one batch that the file is for; any unless given. */
  readonly batch?: number;
  /**
   * How inputs and outputs of four axes lie in the file: "nchw" unless given, [N, C, H, W] as is the habit there (and as
   * `loadModel` takes them), or "nhwc", as here, with a transposition at the beginning.
   */
  readonly layout?: "nhwc" | "nchw";
  /** Name of the graph: the model's, or "model". */
  readonly name?: string;
}

/**
 * A model as an ONNX file, piece by piece: whatever `forward` computes in inference. Loops of fixed length are written out (a
 * solve of fixed steps, a scan). Layers are found by name: each layer's output is the tensor of that name (`block/conv` for one in
 * another), in the layout that it is computed in. Throws FormatError
 * or ArgumentError for what has no place in such a file: adaptive solves, samples that depend on one another (unless `batch`
 * is given), more than 2 GB.
 */
export function exportOnnx(model: Exportable, options: OnnxOptions = {}): Iterable<Uint8Array> {
  const who = "exportOnnx";
  checkOptions(who, options, ["inputs", "batch", "layout", "name"]);
  const { inputs, batch, layout = "nchw" } = options;
  if (batch !== undefined && !(Number.isInteger(batch) && batch > 0))
    throw new ArgumentError(complaint(`${who}: batch`, "a positive integer", describe(batch)));
  if (layout !== "nhwc" && layout !== "nchw")
    throw new ArgumentError(complaint(`${who}: layout`, '"nhwc" or "nchw"', describe(layout)));
  const name = options.name ?? (model as { name?: string | undefined }).name ?? "model";
  const { layers, parameters } = namesOf(model);
  const traced = traceModel(who, model, layers, inputs, batch, hasOperator);
  const names = new Namer(traced.layers, parameters);
  return onnxChunks(who, lowered(who, name, traced, names, layout === "nchw" ? "image" : "plain"));
}

function lowered(
  who: string,
  name: string,
  traced: TracedModel,
  names: Namer,
  layout: Layout,
): OnnxGraph {
  const to = new Emitter(who, traced, names);
  const layoutOf = ({ shape }: Value): Layout => (shape.length === 4 ? layout : "plain");
  const port = (name: string, value: Value): OnnxPort => ({
    name,
    type: elementTypeOf[value.dtype],
    dims: to.dims(value, layoutOf(value)),
  });
  const inputs = traced.inputs.map(({ name, value }): OnnxPort => {
    const result = port(names.unique(name), value);
    to.give(value, { name: result.name, layout: layoutOf(value), dims: result.dims });
    return result;
  });
  lowerAll(who, traced, to);
  const given = new Set(inputs.map((input) => input.name));
  const outputs = traced.outputs.map((value): OnnxPort => {
    names.scope = traced.layers.get(value);
    const form = to.exact(value, layoutOf(value));
    // Every output is a node's own.
    const own = to.nodes.some(({ output }) => output === form.name) && !given.has(form.name);
    const last = own ? form : to.emit("Identity", [form], form.dims, form.layout);
    given.add(last.name);
    return port(last.name, value);
  });
  const nodes = alive(to.nodes, outputs);
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const initializers = to.initializers.filter((initializer) => used.has(initializer.name));
  return { name, nodes, initializers, inputs, outputs };
}

/** Nodes that an output needs: the other layout of a value may turn out to be wanted by nobody. */
function alive(nodes: readonly OnnxNode[], outputs: readonly OnnxPort[]): OnnxNode[] {
  const needed = new Set(outputs.map(({ name }) => name));
  const kept = nodes.toReversed().filter((node) => {
    if (!needed.has(node.output)) return false;
    for (const input of node.inputs) needed.add(input);
    return true;
  });
  return kept.reverse();
}
