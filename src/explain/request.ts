/** @file Step one of an explanation: what is asked for, checked; the network traced, its layers found. */
import { complaint, describe } from "../base/errors.ts";
import type { Schema, Spec } from "../base/options.ts";
import { isFloat } from "../ir/dtype.ts";
import { type Shape, formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { tensor } from "../ops/index.ts";
import { ExplainError } from "./errors.ts";
import type { Fold } from "./maps.ts";
import type { ExplainSettings, Method } from "./method.ts";
import { type LayerOutput, chooseLayers } from "./network/layers.ts";
import {
  type Network,
  type Pass,
  noClass,
  requireNetwork,
  topClass,
  tracePass,
} from "./network/pass.ts";
import { type Programs, programsOf } from "./network/programs.ts";
import type { ClassChoice } from "./options.ts";

/** What is to be explained, and how. */
export interface Request {
  readonly method: Method;
  readonly network: Network;
  readonly programs: Programs;
  /** All options decided; the method's own are there, too. */
  readonly settings: ExplainSettings;
  /** How channels become one map. */
  readonly fold: Fold;
  /** [N, H, W, channels] */
  readonly images: Tensor;
  /** int32 [N, m]: `topClass` where it is not known yet, `noClass` in places that are not used. */
  readonly classes: Tensor;
  readonly pass: Pass;
  /** Empty for methods of the image. */
  readonly layers: readonly LayerOutput[];
}

/**
 * Checks everything that is asked for. Throws ExplainError naming the method, and the reason of a signal that is aborted
 * already.
 */
export function requestOf(
  method: Method,
  schema: Schema<Spec>,
  network: Network,
  given: Tensor,
  options: Readonly<Record<string, unknown>>,
): Request {
  const who = method.name;
  requireNetwork(who, network);
  if (method.at === "image" && (options as typeof options | null)?.["layer"] !== undefined)
    throw new ExplainError(
      complaint(who, "no layer, because it explains the image itself", describe(options["layer"])),
    );
  const settings = schema.read(who, options, ExplainError) as ExplainSettings;
  if (settings.target !== undefined && settings.classIndex !== undefined)
    throw new ExplainError(complaint(who, "a classIndex or a target", "both"));
  const images = imagesOf(who, network, given);
  const classes = classesOf(who, settings.classIndex, images.shape[0]!);
  settings.signal?.throwIfAborted();
  const programs = programsOf(network);
  const pass = passOf({ method, network, programs, settings }, images, classes);
  requireClasses(who, settings, pass, classes);
  const layers = method.at === "image" ? [] : chooseLayers(who, pass.layers, settings.layer);
  const fold = settings.eigenSmooth ? "principal" : (settings.channels ?? method.fold);
  if (fold === "each" && layers.length > 1)
    throw new ExplainError(
      complaint(`${who}: channels`, "one layer", `${layers.length}, which have different channels`),
    );
  return { method, network, programs, settings, fold, images, classes, pass, layers };
}

/** The pass of a request's network for images and classes of these shapes, traced once. */
export function passOf(
  {
    method,
    network,
    programs,
    settings,
  }: Pick<Request, "method" | "network" | "programs" | "settings">,
  { dtype, shape }: { readonly dtype: Tensor["dtype"]; readonly shape: Shape },
  classes: Tensor,
): Pass {
  const { score, target, output } = settings;
  const classesEach = classes.shape[1]!;
  const options = { shape, dtype, classesEach, score, target, output };
  return programs.get(["pass", shape, dtype, classesEach, score, target, output], () =>
    tracePass(method.name, network, options),
  );
}

/**
 * Images as a batch [N, H, W, channels]. Throws ExplainError naming `who` for anything else, and for what does not suit the
 * network.
 */
function imagesOf(who: string, network: Network, images: unknown): Tensor {
  const isImage =
    images instanceof Tensor &&
    isFloat(images.dtype) &&
    (images.rank === 3 || images.rank === 4) &&
    images.size > 0;
  if (!isImage)
    throw new ExplainError(
      complaint(
        `${who}: image`,
        "a float tensor [height, width, channels], or [N, height, width, channels]",
        images instanceof Tensor ? images.toString() : describe(images),
        "Numbers from 0 to 255 become what the network expects by preprocessing.",
      ),
    );
  if (images.elements === undefined)
    throw new ExplainError(
      complaint(`${who}: image`, "a tensor with elements", "one that is being traced"),
    );
  const batch = images.rank === 3 ? images.expandDims(0) : images;
  const { inputShape } = network as { inputShape?: unknown };
  const isList = Array.isArray(inputShape) && Array.isArray(inputShape[0]);
  if (isList && inputShape.length > 1)
    throw new ExplainError(
      complaint(
        who,
        "a network of one input",
        `${inputShape.length} inputs`,
        "Wrap it in a module whose forward(x) calls it with x and the other inputs.",
      ),
    );
  const expected = (isList ? inputShape[0] : inputShape) as Shape | undefined;
  if (expected !== undefined && !sameShape(expected, batch.shape.slice(1)))
    throw new ExplainError(
      complaint(
        `${who}: image`,
        `${formatShape(expected)}, as the network takes it`,
        formatShape(batch.shape.slice(1)),
        "Resize it first.",
      ),
    );
  return batch;
}

/** The classes of each image as int32 [N, m]. Throws ExplainError naming `who` unless each image has its own, or all share one. */
function classesOf(who: string, choice: ClassChoice | undefined, batch: number): Tensor {
  const isList = typeof choice === "object";
  if (isList && choice.length !== batch)
    throw new ExplainError(
      complaint(
        `${who}: classIndex`,
        `a class for each image, ${batch} in all`,
        `a list of ${choice.length}`,
        batch === 1
          ? `For several classes in one image write [[${choice.join(", ")}]].`
          : undefined,
      ),
    );
  const rows = Array.from({ length: batch }, (_, n) => [
    ...new Set([(isList ? choice[n]! : choice) ?? topClass].flat()),
  ]);
  const most = Math.max(...rows.map((row) => row.length));
  const padded = rows.flatMap((row) => [...row, ...Array<number>(most - row.length).fill(noClass)]);
  return tensor(Int32Array.from(padded), { shape: [batch, most] });
}

function requireClasses(
  who: string,
  { target }: ExplainSettings,
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
