/** @file The graph of a file: nodes in an order in which each follows what it takes, and what is wrong with files that have none. */
import { complaint } from "../../../../base/errors.ts";
import { nearNames } from "../../../../base/near-names.ts";
import { FormatError } from "../../../errors.ts";
import type { OnnxFile } from "./file.ts";
import type { NodeProto } from "./messages.ts";

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
    if (names.has(name))
      throw new FormatError(complaint(place, "a name of its own for each", `two ${quoted(name)}`));
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
        throw new FormatError(
          complaint(
            placeOf(who, node, index),
            "outputs of its own",
            `${quoted(output)}, which something else makes too`,
          ),
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
      throw new FormatError(
        complaint(
          placeOf(who, nodes[index]!, index),
          "a graph without cycles",
          `${quoted(name)}, which follows from itself`,
        ),
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
