/** @file Names in the file: tensors and nodes are called after the layers that they come from. */
import type { Value } from "../../../../ir/graph.ts";
import { Tensor } from "../../../../ir/tensor.ts";
import { treeProtocol } from "../../../../ir/tree.ts";
import * as nn from "../../../../nn/index.ts";

/** Gives names, each once. */
export class Namer {
  private readonly taken = new Set<string>();
  private readonly layers: ReadonlyMap<Value, string>;
  private readonly parameters: ReadonlyMap<Tensor, string>;
  /** The layer that is being written. */
  scope: string | undefined;

  constructor(layers: ReadonlyMap<Value, string>, parameters: ReadonlyMap<Tensor, string>) {
    this.layers = layers;
    this.parameters = parameters;
  }

  /** Of a node and its output: that of the layer whose output it is, or else one in the layer. */
  node(op: string, value?: Value): string {
    const layer = value && this.layers.get(value);
    return layer === undefined ? this.inner(op) : this.unique(layer);
  }

  /** Of something in the layer that is being written. */
  inner(what: string): string {
    return this.unique(this.scope === undefined ? what : `${this.scope}/${what}`);
  }

  parameter(tensor: Tensor): string {
    const known = this.parameters.get(tensor);
    return known === undefined ? this.inner("constant") : this.unique(known);
  }

  /** Of a constant that all share. */
  constant(what: string): string {
    return this.unique(what);
  }

  /** The name, with a number behind it if it is taken. */
  unique(name: string): string {
    let free = name;
    for (let count = 1; this.taken.has(free); count++) free = `${name}_${count}`;
    this.taken.add(free);
    return free;
  }
}

/** The parameters of a model by the names of the layers that they are in: `block1_conv1/kernel`. */
export function parameterNames(model: unknown): Map<Tensor, string> {
  const names = new Map<Tensor, string>();
  const walk = (node: unknown, path: string): void => {
    if (node instanceof Tensor) {
      if (!names.has(node)) names.set(node, path);
    } else if (node instanceof nn.Module) {
      const { children, names: fields } = node[treeProtocol]();
      for (const [index, child] of children.entries()) {
        const own = child instanceof nn.Layer ? child.name : undefined;
        walk(child, `${path === "" ? "" : `${path}/`}${own ?? fields[index]!}`);
      }
    }
  };
  walk(model, "");
  return names;
}
