/**
 * @file Explanations along the continuous depth of an ODE network. The adjoint a(t) is the score's derivative by the feature
 * map z(t) (Chen et al. 2018, appendix B), so one solve back from the block's output has everything that class activation maps
 * at all depths are made of.
 */
import { vjp, vjpGraph } from "../autodiff/index.ts";
import { complaint, describe } from "../base/errors.ts";
import { finitePositive, kind, text } from "../base/kinds.ts";
import { type Kind, type OptionsOf, optional, schema } from "../base/options.ts";
import { type Jitted, jit } from "../compile/jit.ts";
import type { Node, Value } from "../ir/graph.ts";
import { isView } from "../ir/prim.ts";
import type { Tensor } from "../ir/tensor.ts";
import { OdeBlock } from "../nn/layers/ode-block.ts";
import { SolveError, solve } from "../ode/index.ts";
import { ones } from "../ops/index.ts";
import { ExplainError } from "./errors.ts";
import type { Explainer } from "./explainer.ts";
import { type Explanation, explanationsOf } from "./explanation.ts";
import { folds } from "./maps.ts";
import type { PassMethod, Probe } from "./method.ts";
import { gradCam } from "./methods/activation-maps.ts";
import { layerNames } from "./network/layers.ts";
import { type Network, readingsOf } from "./network/pass.ts";
import { commonOptions } from "./method.ts";
import { type Request, requestOf } from "./request.ts";

const who = "depthCam";

const depthsKind: Kind<number | readonly number[]> = kind(
  "at least 2, or a list of depths",
  (given) => Array.isArray(given) || (Number.isSafeInteger(given) && (given as number) >= 2),
);

const methodKind: Kind<Explainer> = kind(
  "a method of one layer, such as gradCam",
  (given) => typeof (given as Partial<Explainer> | null)?.method === "object",
);

const { augSmooth: _, layer: __, ...inherited } = commonOptions(gradCam.method);
/** Every option of `depthCam`: type, default, check and help. */
export const depthCamOptions = schema({
  ...inherited,
  layer: optional(text, undefined, "The odeBlock; the last one of the network unless given."),
  depths: optional(
    depthsKind,
    9,
    "Depths between the block's t0 and t1, in any order, or how many of them, evenly spaced.",
  ),
  method: optional(methodKind, gradCam, "How maps are made of features and gradients."),
  rtol: optional(
    finitePositive,
    undefined,
    "Relative tolerance of the solve back; the block's own unless given.",
  ),
  atol: optional(
    finitePositive,
    undefined,
    "Absolute tolerance of the solve back; the block's own unless given.",
  ),
});

/** Options of `depthCam`: those of methods, where `layer` names an odeBlock, and its own. */
export type DepthCamOptions = OptionsOf<typeof depthCamOptions.spec>;

/** Explanations of one image at several depths. */
export interface DepthExplanation {
  readonly depths: readonly number[];
  /** An explanation for each depth. */
  readonly maps: readonly Explanation[];
  /** For each depth the Euclidean norm of a(t), the score's derivative by the features there. */
  readonly gradientNorms: readonly number[];
  /** Evaluations of the dynamics and its derivative in the solve back, however many depths were asked for. */
  readonly evaluations: number;
  /**
   * How far the solve back missed the block's input: the largest deviation divided by the largest feature. If it is far above the
   * tolerance, the dynamics cannot be solved backward, and the maps near t0 are not to be trusted.
   */
  readonly reconstruction: number;
}

/**
 * `depthCam(network, image, { depths: [0, 0.25, 0.5, 0.75, 1] })`: class activation maps of one image at any depths of an
 * `odeBlock`. It takes one forward pass, the gradient above the block, and one solve of z and a from t1 to t0 whose interpolant
 * is read at the depths. The map at t1 is the method's map of the block's output, the one at t0 that of its input. Throws
 * ExplainError for networks without an odeBlock, for depths outside it, and as all methods do; SolveError if the solve back
 * fails.
 */
export function depthCam(
  network: Network,
  image: Tensor,
  options: DepthCamOptions = {},
): DepthExplanation {
  const {
    depths,
    method: explainer,
    rtol,
    atol,
  } = depthCamOptions.read(who, options, ExplainError);
  const method = passMethodOf(explainer);
  const { depths: _, method: __, rtol: ___, atol: ____, ...common } = options;
  const request = requestOf({ ...method, name: who }, explainer.options, network, image, {
    ...common,
    layer: options.layer ?? lastBlock(network),
  });
  const block = blockOf(request);
  const wanted = depthsOf(block, depths);
  const { images, classes, fold } = request;
  if (images.shape[0] !== 1)
    throw new ExplainError(complaint(`${who}: image`, "one image", String(images.shape[0])));
  const [start, end, gradient, ...outputs] = programOf(request)(images, classes) as [
    Tensor,
    Tensor,
    Tensor,
    ...Tensor[],
  ];
  const readings = readingsOf(outputs, classes);
  const back = solveBack(block, end, gradient, wanted, { rtol, atol });
  const maps = folds[fold](method.contributions(probeOf(method, back.z, back.a)));
  const explanationAt = (index: number): Explanation => {
    const map = maps.slice([index], [index + 1]);
    return explanationsOf({ ...request, method }, { ...readings, maps: [map] })[0]!;
  };
  return {
    depths: wanted,
    maps: wanted.map((_, index) => explanationAt(index)),
    gradientNorms: [...back.a.square().sum([1, 2, 3]).sqrt().data()],
    evaluations: back.evaluations,
    reconstruction: back.start.sub(start).abs().max().div(start.abs().max()).item(),
  };
}

/** From images and classes to the block's input and output, the score's derivative by the output, and the outputs of the pass. */
function programOf({ programs, pass, layers }: Request): Jitted<[Tensor, Tensor], Tensor[]> {
  const { graph, captured } = pass;
  const { name, value: output } = layers[0]!;
  return programs.get([who, name, pass.key], () =>
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

/** The first input of the solve that gave a value: the state that it began with. */
function inputOf(value: Value): Value {
  let node = value.node as Node;
  while (isView(node.prim)) node = node.inputs[0]!.node as Node;
  return node.inputs[0]!;
}

/** Features and the score's derivatives by them at some depths of an odeBlock. */
interface WayBack {
  /** Features [depths, h, w, C]. */
  readonly z: Tensor;
  /** The score's derivatives by them [depths, h, w, C]. */
  readonly a: Tensor;
  /** Features at t0 [1, h, w, C]. */
  readonly start: Tensor;
  readonly evaluations: number;
}

/**
 * The augmented adjoint without parameters, dz/dt = f and da/dt = -a df/dz, from t1 back to t0. The second equation is linear
 * in a, which is first scaled to the size of z: derivatives of means over many positions are far smaller than any tolerance.
 */
function solveBack(
  block: OdeBlock,
  end: Tensor,
  gradient: Tensor,
  depths: readonly number[],
  tolerances: { readonly rtol: number | undefined; readonly atol: number | undefined },
): WayBack {
  const field = block.field();
  const both = (t: Tensor, { z, a }: { z: Tensor; a: Tensor }): { z: Tensor; a: Tensor } => {
    const [slope, pullback] = vjp((state: Tensor) => field(t, state), z);
    return { z: slope, a: pullback(a)[0]!.neg() };
  };
  const size = (x: Tensor): number => Math.sqrt(x.square().mean().item());
  const scale = size(gradient) > 0 ? size(end) / size(gradient) || 1 : 1;
  const { t0, t1 } = block;
  const ts = [...new Set([t0, ...depths])].toSorted((x, y) => (x - y) * Math.sign(t0 - t1));
  const { gradient: _gradient, onStats: _onStats, norm: _norm, ...solver } = block.solver;
  const given = Object.fromEntries(
    Object.entries(tolerances).filter(([, value]) => value !== undefined),
  );
  const { ys, stats, failure } = solve(
    both,
    { z: end, a: gradient.mul(scale) },
    { ...(solver as object), ...given, t0: t1, t1: t0, saveAt: { ts } },
  );
  if (failure !== undefined) throw new SolveError(`${who}: solve back`, failure);
  const rows = depths.map((depth) => ts.indexOf(depth));
  const at = (states: Tensor): Tensor => states.take(rows, 0).squeeze(1);
  return {
    z: at(ys.z),
    a: at(ys.a).div(scale),
    start: ys.z.at(-1),
    evaluations: stats.evaluations,
  };
}

/** A probe of features and gradients, which answers nothing else. */
function probeOf({ title }: PassMethod, activations: Tensor, gradients: Tensor): Probe {
  const refuse = (): never => {
    throw new ExplainError(
      complaint(
        `${who}: method`,
        "one that needs features and the score's derivative by them alone",
        title,
      ),
    );
  };
  const refused = { get: refuse, enumerable: true };
  return Object.defineProperties({ activations, gradients } as Probe, {
    images: refused,
    scores: refused,
    guidedGradients: refused,
    biases: refused,
    scoresWith: refused,
  });
}

function passMethodOf({ method }: Explainer): PassMethod {
  if ("contributions" in method && method.at === "layer") return method;
  throw new ExplainError(complaint(`${who}: method`, methodKind.expected, method.title));
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

function blockOf({ layers }: Request): OdeBlock {
  const { layer, name } = layers[0]!;
  if (layer instanceof OdeBlock) return layer;
  throw new ExplainError(complaint(`${who}: layer`, "an odeBlock", `"${name}"`));
}

function depthsOf({ t0, t1, label }: OdeBlock, given: number | readonly number[]): number[] {
  if (typeof given === "number")
    return Array.from({ length: given }, (_, i) => {
      const share = i / (given - 1);
      return t0 * (1 - share) + t1 * share;
    });
  const isBetween = (depth: unknown): boolean =>
    typeof depth === "number" && depth >= Math.min(t0, t1) && depth <= Math.max(t0, t1);
  if (given.length > 0 && given.every(isBetween)) return [...given];
  const outside = given.find((depth) => !isBetween(depth));
  throw new ExplainError(
    complaint(
      `${who}: depths`,
      `depths from ${t0} to ${t1}, those of ${label}`,
      describe(given.length === 0 ? given : outside),
    ),
  );
}
