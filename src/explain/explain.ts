/** @file The base of all methods: everything but the map. */
import { complaint } from "../base/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import { ExplainError } from "./errors.ts";
import { type Explanation, explanationsOf } from "./explanation.ts";
import { type Job, jobOf } from "./job.ts";
import type { Method, PassMethod, StudyMethod } from "./method.ts";
import type { Network } from "./network/pass.ts";
import type { ExplainOptions } from "./options.ts";
import { type Outcome, programOf, runJob } from "./run.ts";

/** A method as it is called. */
export interface Explainer<O extends ExplainOptions = ExplainOptions> {
  /**
   * The explanation of one image, [H, W, channels] or [1, H, W, channels], prepared as the network expects. Throws ExplainError
   * for a network, layer, class or image that cannot be explained as asked, and what `signal` says when it is aborted.
   */
  (network: Network, image: Tensor, options?: O): Explanation;
  /** The explanations of a batch of images [N, H, W, channels], in order. */
  batch(network: Network, images: Tensor, options?: O): Explanation[];
  /**
   * The explanation of one image, computed in parts: between batches others get their turn, so that a `signal` may come and
   * progress be shown.
   */
  async(network: Network, image: Tensor, options?: O): Promise<Explanation>;
  /** The compiled program as text: its graph, kernels and memory. What it costs can be read there. */
  program(network: Network, images: Tensor, options?: O): string;
  /** What the method says of itself. */
  readonly method: Method<O>;
}

/** A method as a function. */
export function explainer(method: PassMethod): Explainer;
export function explainer<O extends ExplainOptions>(method: StudyMethod<O>): Explainer<O>;
export function explainer(method: Method): Explainer {
  const batch = (network: Network, images: Tensor, options: ExplainOptions = {}): Explanation[] => {
    const job = jobOf(method, network, images, options);
    const work = runJob(job);
    for (;;) {
      const outcome = advance(job, work);
      if (outcome !== undefined) return explanationsOf(job, outcome);
    }
  };
  const one = (network: Network, image: Tensor, options?: ExplainOptions): Explanation => {
    requireOne(method, image);
    return batch(network, image, options)[0]!;
  };
  return Object.assign(one, {
    batch,
    async async(
      network: Network,
      image: Tensor,
      options: ExplainOptions = {},
    ): Promise<Explanation> {
      requireOne(method, image);
      const job = jobOf(method, network, image, options);
      const work = runJob(job);
      for (;;) {
        const outcome = advance(job, work);
        if (outcome !== undefined) return explanationsOf(job, outcome)[0]!;
        // oxlint-disable-next-line no-await-in-loop
        await new Promise((resolve) => setTimeout(resolve));
      }
    },
    program(network: Network, images: Tensor, options: ExplainOptions = {}): string {
      const job = jobOf(method, network, images, options);
      return programOf(job).explain(job.images, job.classes);
    },
    method,
  });
}

/** One more step of the work: its outcome once it is done. */
function advance(job: Job, work: Generator<number, Outcome>): Outcome | undefined {
  const { signal, onProgress } = job.settings;
  signal?.throwIfAborted();
  const step = work.next();
  onProgress?.(step.done === true ? 1 : step.value);
  return step.done === true ? step.value : undefined;
}

function requireOne({ name }: Method, image: Tensor): void {
  const { rank, shape } = image ?? {};
  if (rank === 4 && shape[0]! > 1)
    throw new ExplainError(
      complaint(`${name}: image`, "one image", String(shape[0]), `Use ${name}.batch.`),
    );
}
