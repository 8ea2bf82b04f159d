/** @file A request ready to run: checked, its network traced, its layers found. */
import { complaint } from "../base/errors.ts";
import type { Shape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { identityOf } from "../nn/module.ts";
import { ExplainError } from "./errors.ts";
import { batchOf, classesOf } from "./input.ts";
import type { Method } from "./method.ts";
import { type LayerOutput, chooseLayers } from "./network/layers.ts";
import { type Network, type Pass, requireNetwork, tracePass } from "./network/pass.ts";
import { kept } from "./network/programs.ts";
import type { ExplainOptions } from "./options.ts";
import { type Settings, settingsOf } from "./settings.ts";

/** What is to be explained, and how. */
export interface Job {
  readonly method: Method;
  readonly network: Network;
  readonly settings: Settings;
  readonly options: ExplainOptions;
  readonly images: Tensor;
  /** int32 [N, m], with places that are not used and top classes not yet known. */
  readonly classes: Tensor;
  readonly pass: Pass;
  /** Tells apart the passes of a network. */
  readonly passKey: string;
  /** Empty for methods of the image. */
  readonly layers: readonly LayerOutput[];
}

/** Checks everything that is asked for. Throws ExplainError or ArgumentError naming the method. */
export function jobOf(
  method: Method,
  network: Network,
  given: Tensor,
  options: ExplainOptions,
): Job {
  const who = method.name;
  requireNetwork(who, network);
  const settings = settingsOf(method, options, "options" in method ? method.options : []);
  const images = batchOf(who, network, given);
  const classes = classesOf(who, options.classIndex, images.shape[0]!);
  settings.signal?.throwIfAborted();
  const { pass, key } = passFor(who, network, settings, images, classes);
  requireClasses(who, settings, pass, classes);
  const layers = method.at === "image" ? [] : chooseLayers(who, pass.layers, settings.layer);
  if (settings.fold === "each" && layers.length > 1)
    throw new ExplainError(
      complaint(`${who}: channels`, "one layer", `${layers.length}, whose channels are others`),
    );
  return { method, network, settings, options, images, classes, pass, passKey: key, layers };
}

/** The pass for images and classes of these shapes, traced once. */
export function passFor(
  who: string,
  network: Network,
  { score, target, output }: Settings,
  { dtype, shape }: { readonly dtype: Tensor["dtype"]; readonly shape: Shape },
  classes: Tensor,
): { readonly pass: Pass; readonly key: string } {
  const classesEach = classes.shape[1]!;
  const targetKey = target === undefined ? "" : identityOf(target);
  const key = [`${dtype}[${shape.join()}]`, classesEach, score, targetKey, output].join(" ");
  const make = (): Pass =>
    tracePass(who, network, { shape, dtype, classesEach, score, target, output });
  return { pass: kept(network, `pass ${key}`, make), key };
}

function requireClasses(
  who: string,
  { target }: Settings,
  { classCount }: Pass,
  classes: Tensor,
): void {
  const beyond = classes.elements!.find((index) => index >= classCount);
  if (target !== undefined || beyond === undefined) return;
  throw new ExplainError(
    complaint(
      `${who}: classIndex`,
      classCount === 1 ? "0, the network's only output" : `a class from 0 to ${classCount - 1}`,
      String(beyond),
    ),
  );
}
