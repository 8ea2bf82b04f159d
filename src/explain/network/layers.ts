/** @file The outputs of layers in a pass, and the choice of those that are explained. */
import { nearNames } from "../../base/near-names.ts";
import { complaint, describe } from "../../base/errors.ts";
import { formatShape } from "../../ir/shape.ts";
import type { Value } from "../../ir/graph.ts";
import { type AnyLayer, Layer } from "../../nn/layer.ts";
import type { GraphLayer } from "../../nn/graph/symbolic.ts";
import { type Module, childModules } from "../../nn/module.ts";
import { ExplainError } from "../errors.ts";

/** One output of a layer in a pass. */
export interface LayerOutput {
  /**
   * The layer's name after those of the models around it (`encoder/conv2d`), with `#n` for its n-th application from the second
   * on.
   */
  readonly name: string;
  /** The output: [N, ...]. */
  readonly value: Value;
  readonly layer: GraphLayer;
}

/** The names of all layers of a model, each after those of the models around it. */
export function layerNames(model: Module): Map<object, string> {
  const names = new Map<object, string>();
  const walk = (module: Module, path: string): void => {
    for (const child of childModules(module)) {
      const isLayer = child instanceof Layer;
      const here = isLayer ? `${path}${(child as AnyLayer).name ?? (child as AnyLayer).kind}` : "";
      if (isLayer && !names.has(child)) names.set(child, here);
      walk(child, isLayer ? `${here}/` : path);
    }
  };
  walk(model, "");
  return names;
}

/** Other names of an output's layer: in some files values have names of their own. */
function aliasesOf({ layer }: LayerOutput): readonly string[] {
  return layer instanceof Layer ? (layer as AnyLayer).aliases : [];
}

/** Whether a value [N, h, w, channels] has more than one row and column. */
function hasExtent({ shape }: Value): boolean {
  return shape.length === 4 && shape[1]! > 1 && shape[2]! > 1;
}

/**
 * The outputs of the layers that are asked for; without a name the last one whose height and width exceed 1. A name may be an
 * alias of the layer, and may leave out the models around it if that is unambiguous. Throws ExplainError naming `who` and the
 * nearest names.
 */
export function chooseLayers(
  who: string,
  outputs: readonly LayerOutput[],
  wanted: unknown,
): LayerOutput[] {
  const spatial = outputs.filter(({ value }) => hasExtent(value));
  if (wanted === undefined) {
    const last = spatial.at(-1);
    if (last === undefined)
      throw new ExplainError(
        complaint(
          `${who}: layer`,
          "a network with a layer whose output has height and width above 1",
          outputs.length === 0 ? "one without layers" : "none",
          "Use a method of the image instead, such as saliency or integratedGradients.",
        ),
      );
    // Dropout, or a model around the layer, pass the same value on: the first one that gave it is meant.
    return [spatial.find(({ value }) => value === last.value)!];
  }
  const names: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted];
  if (names.length === 0)
    throw new ExplainError(complaint(`${who}: layer`, "a name, or several", "an empty list"));
  return names.map((name) => {
    const found = named(who, outputs, spatial, name);
    if (hasExtent(found.value)) return found;
    throw new ExplainError(
      complaint(
        `${who}: layer`,
        "a layer whose output has height and width above 1",
        `"${found.name}" of shape ${formatShape(found.value.shape.slice(1))}`,
        candidates(spatial),
      ),
    );
  });
}

function named(
  who: string,
  outputs: readonly LayerOutput[],
  spatial: readonly LayerOutput[],
  name: unknown,
): LayerOutput {
  const exact =
    outputs.find((output) => output.name === name) ??
    outputs.find((output) => aliasesOf(output).includes(name as string));
  if (exact !== undefined) return exact;
  const inner = outputs.filter((output) => output.name.endsWith(`/${String(name)}`));
  if (inner.length === 1) return inner[0]!;
  const known = (spatial.length > 0 ? spatial : outputs).flatMap((output) => [
    output.name,
    ...aliasesOf(output),
  ]);
  const near = inner.length > 1 ? inner.map((output) => output.name) : undefined;
  throw new ExplainError(
    complaint(
      `${who}: layer`,
      `the name of one of its ${outputs.length} layers`,
      describe(name),
      near === undefined
        ? `Most like it: ${nearNames(String(name), known).join(", ")}.`
        : `It could be ${near.slice(0, 3).join(", ")}.`,
    ),
  );
}

/** A hint that names the last layers that can be explained. */
function candidates(spatial: readonly LayerOutput[]): string {
  const last = spatial.slice(-3).map(({ name }) => name);
  return last.length === 0 ? "The network has none." : `The last ones are ${last.join(", ")}.`;
}
