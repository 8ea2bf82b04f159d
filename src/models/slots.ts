/** @file Where a network's parameters are: the layer, its place among the layers, and what it calls the parameter. */
import { Tensor } from "../ir/tensor.ts";
import { treeProtocol } from "../ir/tree.ts";
import { Layer } from "../nn/layer.ts";
import { Module, rolesOf } from "../nn/module.ts";
import { snakeCase } from "../nn/names.ts";

/** The place of one parameter. */
export interface Slot {
  /** As `namedParameters` has it: `layers[3].kernel`. */
  readonly path: string;
  /** The names of the layers that lead to it, from a layer of the network down to the one that has it. */
  readonly layers: readonly string[];
  /** The same in Keras' names of classes, each numbered among its like: `conv2d_1`. */
  readonly classes: readonly string[];
  /** What that layer calls it: `kernel`, `movingMean`. */
  readonly field: string;
  /** Which of the layer's own parameters it is, in Keras' order. */
  readonly index: number;
  /** Whether training changes it along its gradient: Keras lists these first. */
  readonly isTrained: boolean;
  /** For messages: `conv2d "conv1": kernel`. */
  readonly place: string;
  readonly tensor: Tensor;
}

/** The places of all parameters, in the order of `flatten`. */
export function slotsOf(model: object): Slot[] {
  const roles = rolesOf(model);
  const slots: Slot[] = [];
  const visit = (module: Module, path: string, at: Where): void => {
    const { children, names } = module[treeProtocol]();
    const numbered = numberer();
    let index = 0;
    for (const [position, child] of children.entries()) {
      const name = names[position]!;
      const below = path === "" ? name : `${path}.${name}`;
      if (child instanceof Tensor)
        slots.push({
          ...at,
          path: below,
          field: name,
          index: index++,
          isTrained: roles.get(below) === "trained",
          place: `${at.label}: ${name}`,
          tensor: child,
        });
      else if (child instanceof Module) {
        const isLayer = child instanceof Layer;
        visit(child, below, {
          layers: [...at.layers, isLayer ? (child.name ?? name) : name],
          classes: [
            ...at.classes,
            numbered(snakeCase(isLayer ? child.className : child.constructor.name)),
          ],
          label: isLayer ? child.label : `${at.label}.${name}`,
        });
      }
    }
  };
  if (model instanceof Module)
    visit(model, "", {
      layers: [],
      classes: [],
      label: model instanceof Layer ? model.label : "model",
    });
  return slots;
}

type Where = Pick<Slot, "layers" | "classes"> & { readonly label: string };

/** Numbers names as Keras does within one model: conv2d, conv2d_1, ... */
function numberer(): (name: string) => string {
  const counts = new Map<string, number>();
  return (name) => {
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  };
}
