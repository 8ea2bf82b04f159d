/** @file `explainer`: a method becomes a function from a network and an image to an explanation, in three steps. */
import { complaint } from "../base/errors.ts";
import { type OptionsOf, type Schema, type Spec, checkChoice } from "../base/options.ts";
import type { Tensor } from "../ir/tensor.ts";
import { ExplainError } from "./errors.ts";
import { type Explanation, explanationsOf } from "./explanation.ts";
import { folds } from "./maps.ts";
import {
  type ExplainOptions,
  type Method,
  type PassMethod,
  type StudyMethod,
  optionsOf,
} from "./method.ts";
import type { Network } from "./network/pass.ts";

import { probe, programOf } from "./probe.ts";
import { requestOf } from "./request.ts";

/** A method as it is called. */
export interface Explainer<O extends ExplainOptions = ExplainOptions> {
  /**
   * The explanation of one image, [H, W, channels] or [1, H, W, channels], prepared as the network expects it. Throws ExplainError
   * for options, a network, layer, class or image that cannot be explained as asked, and the reason of `signal` once it is aborted.
   */
  (network: Network, image: Tensor, options?: O): Explanation;
  /** The explanations of a batch of images [N, H, W, channels], in order. Throws as for one image. */
  batch(network: Network, images: Tensor, options?: O): Explanation[];
  /** The explanation of one image. Between batches other code runs: `signal` may be aborted and progress shown. */
  async(network: Network, image: Tensor, options?: O): Promise<Explanation>;
  /** The program of the method's pass as text: its graph, kernels and memory. */
  program(network: Network, images: Tensor, options?: O): string;
  /** Every option that it takes: type, default, check and help. `options.rows()` is a table of them. */
  readonly options: Schema<Spec>;
  /** The method itself. */
  readonly method: Method;
}

/**
 * A method as a function. Two methods are different ones even if they share a name. Throws ExplainError for facts that make no
 * method, and for options whose names are taken.
 */
export function explainer(method: PassMethod): Explainer;
export function explainer<const S extends Spec>(
  method: StudyMethod<S>,
): Explainer<ExplainOptions & OptionsOf<S>>;
export function explainer(method: Method): Explainer {
  checkMethod(method);
  const options = optionsOf(method, "study" in method ? method.options : undefined);

  const request = (network: Network, images: Tensor, given: ExplainOptions = {}) =>
    requestOf(method, options, network, images, given);

  function* work(
    network: Network,
    images: Tensor,
    given?: ExplainOptions,
  ): Generator<void, Explanation[]> {
    const asked = request(network, images, given);
    const { signal, onProgress } = asked.settings;
    const probing = probe(asked);
    for (;;) {
      signal?.throwIfAborted();
      const step = probing.next();
      onProgress?.(step.done === true ? 1 : step.value);
      if (step.done === true) return explanationsOf(asked, step.value);
      yield;
    }
  }

  const batch: Explainer["batch"] = (network, images, given) => {
    const working = work(network, images, given);
    for (;;) {
      const step = working.next();
      if (step.done === true) return step.value;
    }
  };
  const one = (network: Network, image: Tensor, given?: ExplainOptions): Explanation => {
    requireOne(method, image);
    return batch(network, image, given)[0]!;
  };
  return Object.assign(one, {
    batch,
    async async(network: Network, image: Tensor, given?: ExplainOptions): Promise<Explanation> {
      requireOne(method, image);
      const working = work(network, image, given);
      for (;;) {
        const step = working.next();
        if (step.done === true) return step.value[0]!;
        // oxlint-disable-next-line no-await-in-loop
        await new Promise((resolve) => setTimeout(resolve));
      }
    },
    program(network: Network, images: Tensor, given?: ExplainOptions): string {
      const asked = request(network, images, given);
      return programOf(asked).listing(asked.images, asked.classes);
    },
    options,
    method,
  });
}

function checkMethod(method: Method): void {
  const { name, at, fold } = method;
  checkChoice(`${name}: at`, at, ["layer", "image"], ExplainError);
  checkChoice(`${name}: fold`, fold, Object.keys(folds), ExplainError);
  const functions = ["contributions", "study"].filter((one) => one in method);
  if (functions.length !== 1)
    throw new ExplainError(
      complaint(name, "contributions or study", functions.join(" and ") || "neither"),
    );
}

function requireOne({ name }: Method, image: Tensor): void {
  const { rank, shape } = image ?? {};
  if (rank === 4 && shape[0]! > 1)
    throw new ExplainError(
      complaint(`${name}: image`, "one image", String(shape[0]), `Use ${name}.batch.`),
    );
}
