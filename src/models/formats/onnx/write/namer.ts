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

  /** The name of a node and its output: the layer's own if it is the layer's output, otherwise one within the layer. */
  node(op: string, value?: Value): string {
    const layer = value && this.layers.get(value);
    return layer === undefined ? this.inner(op) : this.unique(layer);
  }

  /** A name for something in the layer that is being written. */
  inner(what: string): string {
    return this.unique(this.scope === undefined ? what : `${this.scope}/${what}`);
  }

  parameter(tensor: Tensor): string {
    const known = this.parameters.get(tensor);
    return known === undefined ? this.inner("constant") : this.unique(known);
  }

  /** A name for a constant that all layers share. */
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

/** Names in a model. */
export interface ModelNames {
  /** By the path of names that leads to each: `block1/conv`. */
  readonly layers: ReadonlyMap<object, string>;
  /** `block1/conv/kernel` */
  readonly parameters: ReadonlyMap<Tensor, string>;
}

/** The names of a model's layers and parameters. One that occurs at several places is named after the first. */
export function namesOf(model: unknown): ModelNames {
  const layers = new Map<object, string>();
  const parameters = new Map<Tensor, string>();
  const walk = (node: unknown, path: string): void => {
    if (node instanceof Tensor) {
      if (!parameters.has(node)) parameters.set(node, path);
    } else if (node instanceof nn.Module) {
      if (node instanceof nn.Layer && !layers.has(node)) layers.set(node, path || node.label);
      const { children, names: fields } = node[treeProtocol]();
      for (const [index, child] of children.entries()) {
        const own = child instanceof nn.Layer ? child.name : undefined;
        walk(child, `${path === "" ? "" : `${path}/`}${own ?? fields[index]!}`);
      }
    }
  };
  walk(model, "");
  return { layers, parameters };
}
