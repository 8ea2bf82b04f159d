/**
 * @file Explanations along the continuous depth of an ODE network. The adjoint a(t) is the score's derivative by the feature map
 * z(t) (Chen et al. 2018, appendix B), so that one solve back from the block's output has all that a class activation map at any
 * depth is made of.
 */
import { vjpGraph } from "../../autodiff/index.ts";
import { type Jitted, jit } from "../../compile/jit.ts";
import { complaint, describe } from "../../base/errors.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { isView } from "../../ir/prim.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { OdeBlock } from "../../nn/layers/ode-block.ts";
import { ones } from "../../ops/index.ts";
import { ExplainError } from "../errors.ts";
import type { Explainer } from "../explain.ts";
import { type Explanation, explanationsOf } from "../explanation.ts";
import { type Job, jobOf } from "../job.ts";
import { folds } from "../maps/fold.ts";
import type { PassMethod } from "../method.ts";
import { gradCam } from "../methods/grad-cam.ts";
import { layerNames } from "../network/layers.ts";
import type { Parts } from "../network/parts.ts";
import { type Network, readingsOf } from "../network/pass.ts";
import { kept } from "../network/programs.ts";
import type { ExplainOptions } from "../options.ts";
import { solveBack } from "./solve-back.ts";

/** Options of `depthCam`: those of methods, where `layer` names an odeBlock (the last of the network unless given). */
export interface DepthCamOptions extends Omit<ExplainOptions, "layer" | "augSmooth"> {
  readonly layer?: string;
  /** Depths between the block's t0 and t1, in any order; or how many evenly from t0 to t1: 9 unless given. */
  readonly depths?: number | readonly number[];
  /** How maps are made of features and gradients: `gradCam` unless given; `hiResCam`, `layerCam`, ... */
  readonly method?: Explainer;
  /** Tolerances of the solve back: the block's own unless given. */
  readonly rtol?: number;
  readonly atol?: number;
}

/** Explanations of one image at several depths. */
export interface DepthExplanation {
  readonly depths: readonly number[];
  /** One a depth. */
  readonly maps: readonly Explanation[];
  /** Euclidean norm of a(t), the score's derivative by the features at a depth. */
  readonly gradientNorms: readonly number[];
  /** Evaluations of the dynamics and its derivative in the solve back. They do not depend on how many depths are asked for. */
  readonly evaluations: number;
  /**
   * How far the solve back missed the features that the block was given: the largest deviation over the largest feature. Far above
   * the tolerance the dynamics cannot be run backward, and the maps near t0 are not to be trusted.
   */
  readonly reconstruction: number;
}

/**
 * `depthCam(network, image, { depths: [0, 0.25, 0.5, 0.75, 1] })`: class activation maps of an image within an `odeBlock`, at any
 * depths. One forward pass, the gradient above the block, and one solve of z and a from t1 to t0, whose interpolant is read at
 * the depths. At t1 it is the method's map of the block's output, at t0 that of its input.
 * Throws ExplainError for networks without such a block, depths beyond it, and as all methods do; SolveError where a solve fails.
 */
export function depthCam(
  network: Network,
  image: Tensor,
  options: DepthCamOptions = {},
): DepthExplanation {
  const { depths, method: explainer = gradCam, rtol, atol, layer, ...common } = options;
  const method = passMethodOf(explainer);
  const name = layer ?? lastBlock(network);
  const job = jobOf({ ...method, name: who }, network, image, { ...common, layer: name });
  const block = blockOf(job);
  const wanted = depthsOf(block, depths);
  const { images, classes } = job;
  if (images.shape[0] !== 1)
    throw new ExplainError(complaint(`${who}: image`, "one image", String(images.shape[0])));
  const [start, end, gradient, ...outputs] = programOf(job)(images, classes) as [
    Tensor,
    Tensor,
    Tensor,
    ...Tensor[],
  ];
  const readings = readingsOf(outputs, classes);
  const way = solveBack(who, block, end, gradient, wanted, { rtol, atol });
  const parts = partsOf(method, way.z, way.a);
  const maps = folds[job.settings.fold](method.contributions(parts));
  const at = (index: number): Explanation => {
    const map = maps.slice([index], [index + 1]);
    return explanationsOf({ ...job, method }, { ...readings, maps: [map] })[0]!;
  };
  return {
    depths: wanted,
    maps: wanted.map((_, index) => at(index)),
    gradientNorms: [...way.a.square().sum([1, 2, 3]).sqrt().data()],
    evaluations: way.evaluations,
    reconstruction: way.start.sub(start).abs().max().div(start.abs().max()).item(),
  };
}

const who = "depthCam";

/** From images and classes to the block's input and output, the score's derivative by the output, and what the pass says. */
function programOf({ network, pass, passKey, layers }: Job): Jitted<[Tensor, Tensor], Tensor[]> {
  const { graph, captured } = pass;
  const { name, value: output } = layers[0]!;
  return kept(network, `${who} ${name} ${passKey}`, () =>
    jit((images: Tensor, classes: Tensor) => {
      const inputs = [images, classes, ...captured];
      const watched = { ...graph, outputs: [...graph.outputs, inputOf(output), output] };
      const { outputs, pullback } = vjpGraph(watched, inputs, [], [output]);
      const [score] = outputs as [Tensor];
      const gradient = pullback([ones(score.shape, { dtype: score.dtype })])[inputs.length];
      const [start, end] = outputs.slice(graph.outputs.length) as [Tensor, Tensor];
      return [start, end, gradient ?? end.zerosLike(), ...outputs.slice(0, graph.outputs.length)];
    }),
  );
}

/** The state that the solve behind a value began with: its first input. */
function inputOf(value: Value): Value {
  let node = value.node as Node;
  while (isView(node.prim)) node = node.inputs[0]!.node as Node;
  return node.inputs[0]!;
}

function partsOf({ title }: PassMethod, activations: Tensor, gradients: Tensor): Parts {
  const refuse = (): never => {
    throw new ExplainError(
      complaint(
        `${who}: method`,
        "one that needs features and the score's derivative by them alone",
        title,
      ),
    );
  };
  return {
    activations,
    gradients,
    get images() {
      return refuse();
    },
    get guidedGradients() {
      return refuse();
    },
    get biases() {
      return refuse();
    },
  };
}

function passMethodOf(explainer: Explainer): PassMethod {
  const method = (explainer as Partial<Explainer> | undefined)?.method;
  if (method === undefined || !("contributions" in method) || method.at !== "layer")
    throw new ExplainError(
      complaint(
        `${who}: method`,
        "a method of one layer, such as gradCam",
        method?.title ?? describe(explainer),
      ),
    );
  return method;
}

/** The name of the network's last odeBlock. */
function lastBlock(network: Network): string {
  const names = [...layerNames(network)].filter(([layer]) => layer instanceof OdeBlock);
  if (names.length === 0)
    throw new ExplainError(
      complaint(
        who,
        "a network with an odeBlock",
        "one without",
        "Other networks have layers: use gradCam.",
      ),
    );
  return names.at(-1)![1];
}

function blockOf({ layers }: Job): OdeBlock {
  const { layer, name } = layers[0]!;
  if (layer instanceof OdeBlock) return layer;
  throw new ExplainError(complaint(`${who}: layer`, "an odeBlock", `"${name}", which is none`));
}

function depthsOf({ t0, t1, label }: OdeBlock, given: number | readonly number[] = 9): number[] {
  if (typeof given === "number") {
    if (!Number.isSafeInteger(given) || given < 2)
      throw new ExplainError(
        complaint(`${who}: depths`, "at least 2, or a list of depths", String(given)),
      );
    return Array.from({ length: given }, (_, i) => {
      const share = i / (given - 1);
      return t0 * (1 - share) + t1 * share;
    });
  }
  const isBetween = (depth: unknown): boolean =>
    typeof depth === "number" && depth >= Math.min(t0, t1) && depth <= Math.max(t0, t1);
  const outside = Array.isArray(given) ? given.find((depth) => !isBetween(depth)) : given;
  if (!Array.isArray(given) || given.length === 0 || !given.every(isBetween))
    throw new ExplainError(
      complaint(
        `${who}: depths`,
        `depths from ${t0} to ${t1}, those of ${label}`,
        describe(outside),
      ),
    );
  return [...given] as number[];
}
