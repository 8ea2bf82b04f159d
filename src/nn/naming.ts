/** @file How a model names its layers, as Keras would in a new session: by class, numbered in the order of creation. */
import { ArgumentError, complaint } from "../base/errors.ts";
import { nearNames } from "../base/near-names.ts";
import { type AnyLayer, Layer, type ModelLayer, origin } from "./layer.ts";
import { type Module, childModules } from "./module.ts";
import { nameMaker, snakeCase } from "./names.ts";

/** The layers in a module, at any depth: what a layer holds comes before it. */
export function layersWithin(module: Module): AnyLayer[] {
  return childModules(module).flatMap((child) => [
    ...layersWithin(child),
    ...(child instanceof Layer ? [child] : []),
  ]);
}

/**
 * Names the layers of a model, and those within them, that have no name yet. Names are unique over all levels, but for those
 * that were given; within one level those must be too. Throws ArgumentError naming `who` if they are not.
 */
export function nameLayers(who: string, layers: readonly AnyLayer[]): void {
  const given = new Set<string>();
  for (const { name } of new Set(layers)) {
    if (name === undefined) continue;
    if (given.has(name) && !isChosen(layers, name))
      throw new ArgumentError(
        complaint(who, "a name of its own for each layer", `two layers named "${name}"`),
      );
    given.add(name);
  }
  const all = new Set(layers.flatMap((layer) => [...layersWithin(layer), layer]));
  const taken = new Set<string>();
  const unnamed: AnyLayer[] = [];
  for (const layer of all)
    if (layer.name !== undefined && layer[origin]?.isNamedByModel !== true) taken.add(layer.name);
  for (const layer of all) {
    if (layer.name === undefined) unnamed.push(layer);
    else if (layer[origin]?.isNamedByModel === true) {
      if (taken.has(layer.name)) unnamed.push(layer);
      taken.add(layer.name);
    }
  }
  const nextName = nameMaker(taken);
  const order = (layer: AnyLayer): number => layer[origin]?.order ?? 0;
  for (const layer of unnamed.toSorted((a, b) => order(a) - order(b))) {
    layer.name = nextName(snakeCase(layer.className));
    const past = layer[origin];
    if (past !== undefined) past.isNamedByModel = true;
  }
}

/** Whether all layers but one owe this name to a model, which may take it back. */
function isChosen(layers: readonly AnyLayer[], name: string): boolean {
  const same = layers.filter((layer) => layer.name === name);
  return same.filter((layer) => layer[origin]?.isNamedByModel !== true).length < 2;
}

/** What Keras would call a model that was not named, given the layers in it. */
export function modelName(model: Module & Pick<AnyLayer, "name" | "className">): string {
  const taken = new Set(layersWithin(model).flatMap(({ name }) => name ?? []));
  return model.name ?? nameMaker(taken)(snakeCase(model.className));
}

/** The layer of a name, or of an alias where no layer has the name. Throws ArgumentError naming `who` and the names most like it. */
export function findLayer(who: string, layers: readonly AnyLayer[], name: string): ModelLayer {
  const found =
    layers.find((layer) => layer.name === name) ??
    layers.find(({ aliases }) => aliases.includes(name));
  if (found !== undefined) return found;
  const names = layers.flatMap((layer) => [layer.name ?? [], layer.aliases].flat());
  throw new ArgumentError(
    complaint(
      `${who}: getLayer`,
      `the name of one of its ${layers.length} layers`,
      JSON.stringify(name),
      names.length === 0
        ? "None of them has a name."
        : `Most like it: ${nearNames(String(name), names).join(", ")}.`,
    ),
  );
}
