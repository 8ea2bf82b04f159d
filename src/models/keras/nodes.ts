/** @file References between the layers of Keras' graphs: `["conv", 0, 0, {}]` before Keras 3, `__keras_tensor__` since. */
import { complaint, describe } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";
import { type JsonObject, arrayOf, objectOf, textOf } from "../json.ts";

/** A value of a graph. */
export interface Reference {
  readonly layer: string;
  /** Which application of the layer. */
  readonly node: number;
  /** Which of its outputs. */
  readonly output: number;
}

/** What a layer is applied to at one application. Throws FormatError naming `place`. */
export function readNode(place: string, node: unknown): readonly Reference[] {
  if (Array.isArray(node)) return node.map((item: unknown) => readOld(place, item));
  const { args, kwargs } = objectOf(place, node);
  checkKeywords(place, objectOf(`${place}: kwargs`, kwargs ?? {}));
  const values = arrayOf(`${place}: args`, args);
  const list = values.length === 1 && Array.isArray(values[0]) ? (values[0] as unknown[]) : values;
  return list.map((value) => readTensor(place, value));
}

/** References to inputs or outputs: one, or a list. */
export function readReferences(place: string, value: unknown): readonly Reference[] {
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
