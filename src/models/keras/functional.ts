/** @file Keras' graphs of layers, in the styles of Keras 2 (`["conv", 0, 0, {}]` refers to a value) and 3 (`__keras_tensor__`). */
import { complaint, describe } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";
import { type JsonObject, arrayOf, objectOf, textOf } from "../json.ts";
import { nearNames } from "../../base/near-names.ts";
import type { Shape } from "../../ir/shape.ts";
import { input } from "../../nn/graph/input.ts";
import { Model, model } from "../../nn/graph/model.ts";
import type { SymbolicTensor } from "../../nn/graph/symbolic.ts";
import type { AnyLayer } from "../../nn/layer.ts";
import { baseOptions, closedShape, dtypeOf, sampleShape } from "./settings.ts";

/** A value of a graph. */
interface Reference {
  readonly layer: string;
  /** Which application of the layer. */
  readonly node: number;
  /** Which of its outputs. */
  readonly output: number;
}

/** What a layer is applied to at one application. Throws FormatError naming `place`. */
function readNode(place: string, node: unknown): readonly Reference[] {
  if (Array.isArray(node)) return node.map((item: unknown) => readOld(place, item));
  const { args, kwargs } = objectOf(place, node);
  checkKeywords(place, objectOf(`${place}: kwargs`, kwargs ?? {}));
  const values = arrayOf(`${place}: args`, args);
  const list = values.length === 1 && Array.isArray(values[0]) ? (values[0] as unknown[]) : values;
  return list.map((value) => readTensor(place, value));
}

/** References to inputs or outputs: one, or a list. */
function readReferences(place: string, value: unknown): readonly Reference[] {
  const list = arrayOf(place, value);
  const references = typeof list[0] === "string" ? [list] : list;
  if (references.length === 0) throw new FormatError(complaint(place, "at least one", "none"));
  return references.map((item) => readOld(place, item));
}

function readOld(place: string, item: unknown): Reference {
  const [layer, node, output, keywords] = arrayOf(place, item);
  if (keywords !== undefined) checkKeywords(place, objectOf(place, keywords ?? {}));
  return {
    layer: textOf(place, layer),
    node: countOf(place, node),
    output: countOf(place, output),
  };
}

function readTensor(place: string, value: unknown): Reference {
  const { class_name: className, config } = objectOf(`${place}: args`, value);
  if (className !== "__keras_tensor__")
    throw new FormatError(
      complaint(
        place,
        "layers applied to values of the graph",
        typeof className === "string" ? describe(className) : "a constant",
      ),
    );
  const history = objectOf(`${place}: config`, config)["keras_history"];
  return readOld(`${place}: keras_history`, history);
}

/** Arguments that change nothing at inference. Others would change what the layer computes. */
function checkKeywords(place: string, keywords: JsonObject): void {
  for (const [name, value] of Object.entries(keywords))
    if (name !== "training" && value !== null)
      throw new FormatError(
        complaint(place, "no arguments but inputs", `${describe(name)} with ${describe(value)}`),
      );
}

function countOf(place: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new FormatError(complaint(place, "a number of an application", describe(value)));
  return value as number;
}

/** A layer of the graph, and what it makes at each of its applications. */
interface Vertex {
  readonly place: string;
  /** Undefined for inputs. */
  readonly layer: AnyLayer | undefined;
  /** What it is applied to, application by application. */
  readonly nodes: readonly (readonly Reference[])[];
  /** What it gave at each of them. */
  readonly outputs: (readonly SymbolicTensor[] | undefined)[];
  /** Applications that are being worked out. */
  readonly open: Set<number>;
}

/** What `readFunctional` needs from its surroundings. */
interface Surroundings {
  /** The shape of a sample where the graph leaves it open. */
  readonly inputShape: Shape | undefined;
  readonly layer: (place: string, serialized: unknown) => AnyLayer;
}

/** A graph of layers. Throws FormatError naming the layer for references to nothing, cycles, and layers that cannot be applied. */
export function readFunctional(
  place: string,
  config: JsonObject,
  { inputShape, layer }: Surroundings,
): Model {
  const vertices = new Map<string, Vertex>();
  for (const [index, item] of arrayOf(`${place}: layers`, config["layers"]).entries()) {
    const at = `${place}: layers[${index}]`;
    const serialized = objectOf(at, item);
    const settings = objectOf(`${at}: config`, serialized["config"] ?? {});
    const name = textOf(`${at}: name`, serialized["name"] ?? settings["name"]);
    if (vertices.has(name))
      throw new FormatError(complaint(at, "a name of its own for each layer", describe(name)));
    vertices.set(
      name,
      serialized["class_name"] === "InputLayer"
        ? inputVertex(`${at} (${name})`, name, settings, inputShape)
        : {
            place: `${place}: layer ${describe(name)}`,
            layer: layer(at, serialized),
            nodes: arrayOf(`${at}: inbound_nodes`, serialized["inbound_nodes"] ?? []).map((node) =>
              readNode(`${at}: inbound_nodes`, node),
            ),
            outputs: [],
            open: new Set(),
          },
    );
  }
  const inputs = readReferences(`${place}: input_layers`, config["input_layers"]);
  const outputs = readReferences(`${place}: output_layers`, config["output_layers"]);
  const valueOf = evaluator(place, vertices, outputs);
  const list = <T>(values: readonly T[], isList: unknown): T | readonly T[] =>
    values.length === 1 && isList !== true ? values[0]! : values;
  const { dtype: _dtype, ...base } = baseOptions(place, config["name"], config);
  return model({
    ...base,
    inputs: list(inputs.map(valueOf), config["takes_list"]),
    outputs: list(outputs.map(valueOf), config["gives_list"]),
  });
}

function inputVertex(
  place: string,
  name: string,
  settings: JsonObject,
  inputShape: Shape | undefined,
): Vertex {
  const shape = sampleShape(place, settings);
  if (shape === undefined)
    throw new FormatError(complaint(place, "an input with batch_shape", "one without"));
  const symbol = input({
    name,
    shape: closedShape(
      place,
      inputShape !== undefined && shape.includes(null) ? inputShape : shape,
    ),
    dtype: dtypeOf(place, settings["dtype"]),
  });
  return { place, layer: undefined, nodes: [], outputs: [[symbol]], open: new Set() };
}

/** A function that finds the value of a reference, applying layers as far as they are needed. */
function evaluator(
  place: string,
  vertices: ReadonlyMap<string, Vertex>,
  wanted: readonly Reference[],
): (reference: Reference) => SymbolicTensor {
  const all = [...vertices.values()].flatMap(({ nodes }) => nodes.flat());
  const shifts = shiftsOf(vertices, [...all, ...wanted]);
  const vertexOf = ({ layer }: Reference): Vertex => {
    const vertex = vertices.get(layer);
    if (vertex !== undefined) return vertex;
    throw new FormatError(
      complaint(
        place,
        `references to its ${vertices.size} layers`,
        describe(layer),
        `Most like it: ${nearNames(layer, [...vertices.keys()]).join(", ")}.`,
      ),
    );
  };
  const nodeOf = (reference: Reference): number =>
    reference.node - (shifts.get(reference.layer) ?? 0);
  return (target) => {
    // Not recursive: graphs are as deep as networks.
    const pending: Reference[] = [target];
    while (pending.length > 0) {
      const reference = pending.at(-1)!;
      const { place: at, layer, nodes, outputs, open } = vertexOf(reference);
      const node = nodeOf(reference);
      if (outputs[node] !== undefined) {
        pending.pop();
        continue;
      }
      const inputs = nodes[node];
      if (inputs === undefined || layer === undefined)
        throw new FormatError(
          complaint(
            at,
            `references to its ${nodes.length} applications`,
            `number ${reference.node}`,
          ),
        );
      const missing = inputs.filter((from) => vertexOf(from).outputs[nodeOf(from)] === undefined);
      if (missing.length === 0) {
        const values = inputs.map((from) => outputOf(from, vertexOf(from), nodeOf(from)));
        outputs[node] = applied(at, layer, values);
        pending.pop();
      } else if (!open.has(node)) {
        open.add(node);
        pending.push(...missing);
      } else throw new FormatError(complaint(at, "a graph without cycles", "one with a cycle"));
    }
    return outputOf(target, vertexOf(target), nodeOf(target));
  };
}

function outputOf(reference: Reference, vertex: Vertex, node: number): SymbolicTensor {
  const values = vertex.outputs[node]!;
  const value = values[reference.output];
  if (value !== undefined) return value;
  throw new FormatError(
    complaint(
      vertex.place,
      `references to its ${values.length} outputs`,
      `number ${reference.output}`,
    ),
  );
}

function applied(
  place: string,
  layer: AnyLayer,
  values: readonly SymbolicTensor[],
): readonly SymbolicTensor[] {
  const { takesList } = layer;
  if (!takesList && values.length !== 1)
    throw new FormatError(complaint(place, "one input", `${values.length}`));
  try {
    const result: SymbolicTensor | SymbolicTensor[] = layer.apply(takesList ? values : values[0]);
    return Array.isArray(result) ? result : [result];
  } catch (cause) {
    throw cause instanceof Error ? new FormatError(`${place}: ${cause.message}`, { cause }) : cause;
  }
}

/**
 * Networks within a network: some versions of Keras count their applications from 1, the first being how they were made. All
 * applications in a file are referred to, so the largest number tells.
 */
function shiftsOf(
  vertices: ReadonlyMap<string, Vertex>,
  references: readonly Reference[],
): ReadonlyMap<string, number> {
  const shifts = new Map<string, number>();
  for (const { layer: name, node } of references) {
    const vertex = vertices.get(name);
    const isNetwork = vertex?.layer instanceof Model;
    if (isNetwork && node >= vertex!.nodes.length) shifts.set(name, 1);
  }
  return shifts;
}
