/**
 * @file One pass of a network as a graph: from images and classes to scores, with the output of every layer on the way. What the
 * outputs mean is decided here: logits, probabilities, the score of each image.
 */
import { inline } from "../../autodiff/index.ts";
import { complaint, describe } from "../../base/errors.ts";
import { jit } from "../../compile/jit.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Graph } from "../../ir/graph.ts";
import { type Shape, formatShape, sizeOf } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";
import { currentTrace, trace } from "../../ir/trace.ts";
import type { Mode } from "../../nn/index.ts";
import { Module } from "../../nn/module.ts";
import type { TensorOrList } from "../../nn/shapes.ts";
import { concat, stack } from "../../ops/index.ts";
import { ExplainError } from "../errors.ts";
import type { Score } from "../options.ts";
import { type EndingKind, endingOf, viewed } from "./ending.ts";
import { type LayerOutput, layerNames } from "./layers.ts";
import type { ProgramKey } from "./programs.ts";

/** A network that can be explained: a model, any layer, or a module with `forward(x, mode)` from images to scores. */
export type Network = Module & {
  // Models are typed by what they take, so their common type cannot say what that is.
  // oxlint-disable-next-line typescript/no-explicit-any
  forward(x: any, mode?: Mode): TensorOrList;
};

/** Throws ExplainError naming `who` for anything that is not a network. */
export function requireNetwork(who: string, network: unknown): asserts network is Network {
  if (!(network instanceof Module) || typeof (network as Partial<Network>).forward !== "function")
    throw new ExplainError(
      complaint(
        who,
        "a network: a model, a layer, or a module with forward(x)",
        describe(network),
        "loadModel reads one from a file.",
      ),
    );
}

/** What a pass of a network depends on. */
interface PassOptions {
  /** Images [N, H, W, channels]. */
  readonly shape: Shape;
  readonly dtype: DType;
  /** How many classes each sample's score may add up. */
  readonly classesEach: number;
  readonly score: Score;
  readonly target: TargetFunction | undefined;
  /** Which output is explained if there are several. */
  readonly output: number | undefined;
}

/** A pass. */
export interface Pass {
  /** What it depends on. */
  readonly key: ProgramKey;
  /**
   * Inputs: the images, the classes int32 [N, m], then what is captured. Outputs: the score [N]; unless a target function is
   * explained also the classes explained int32 [N, m], the logits [N, classes], and the probabilities [N, classes] if there are
   * any.
   */
  readonly graph: Graph;
  readonly captured: readonly Tensor[];
  /** The outputs of layers, in the order of computation. */
  readonly layers: readonly LayerOutput[];
  readonly ending: EndingKind;
  /** 0 if a target function is explained. */
  readonly classCount: number;
}

/** Traces a network. Throws ExplainError naming `who` if it does not give scores. */
export function tracePass(who: string, network: Network, options: PassOptions): Pass {
  const names = layerNames(network);
  const layers: LayerOutput[] = [];
  const applications = new Map<object, number>();
  const mode: Mode = {
    training: false,
    watch(layer, output) {
      const value = output instanceof Tensor ? output.traced?.value : undefined;
      if (value === undefined) return;
      const count = (applications.get(layer) ?? 0) + 1;
      applications.set(layer, count);
      const name = names.get(layer) ?? layer.name ?? layer.kind;
      layers.push({ name: count === 1 ? name : `${name}#${count}`, value, layer });
    },
  };
  let ending: EndingKind = "none";
  let classCount = 0;
  const { shape, dtype, classesEach, score, target, output: which } = options;
  const { graph, captured } = trace(
    (images, classes) => {
      const output = onlyOutput(who, network.forward(inputOf(network, images!), mode), options);
      const found = endingOf(output.traced!.value);
      ending = found.kind;
      const before = new Tensor(found.scores, {
        trace: currentTrace()!,
        value: found.scores,
      });
      const scores = viewed(found.views, before);
      if (target !== undefined)
        return [targetScores(who, target, score === "logit" ? scores : output)];
      const readout = readoutOf(who, ending, output, scores);
      classCount = readout.logits.shape[1]!;
      return classReadings(readout, classes!, score);
    },
    [
      { shape, dtype },
      { shape: [shape[0]!, classesEach], dtype: "int32" },
    ],
  );
  const key = [shape, dtype, classesEach, score, target, which];
  return { key, graph, captured, layers, ending, classCount };
}

/** What a pass says about a batch, by name. */
export interface Readings {
  readonly scores: Tensor;
  /** The classes explained. */
  readonly classes: Tensor;
  readonly logits: Tensor | undefined;
  readonly probabilities: Tensor | undefined;
}

/** The outputs of a pass by name; `asked` are the classes if it does not give them. */
export function readingsOf(outputs: readonly Tensor[], asked: Tensor): Readings {
  const [scores, classes = asked, logits, probabilities] = outputs;
  return { scores: scores!, classes, logits, probabilities };
}

function classReadings(
  { logits, probabilities }: Readout,
  classes: Tensor,
  score: Score,
): Tensor[] {
  const chosen = settledClasses(classes, logits);
  const explained = score === "logit" ? logits : (probabilities ?? logits);
  return [
    sumOver(chosen, explained),
    chosen,
    logits,
    ...(probabilities === undefined ? [] : [probabilities]),
  ];
}

/** Models whose inputs were given as a list take a list, even of one. */
function inputOf(network: Network, images: Tensor): Tensor | Tensor[] {
  const { plan } = network as { plan?: { takesList?: boolean } };
  return plan?.takesList === true ? [images] : images;
}

function onlyOutput(who: string, result: TensorOrList, { output }: PassOptions): Tensor {
  const outputs = result instanceof Tensor ? [result] : result;
  if (output === undefined && outputs.length > 1)
    throw new ExplainError(
      complaint(
        who,
        "a network of one output",
        `${outputs.length} outputs`,
        "Choose one with output: 0, 1, ...",
      ),
    );
  const chosen = outputs[output ?? 0];
  if (chosen === undefined)
    throw new ExplainError(
      complaint(`${who}: output`, `a number below ${outputs.length}`, String(output)),
    );
  return chosen;
}

/** A function from the network's outputs [N, ...], logits or probabilities as `score` says, to one score for each sample, [N]. */
export type TargetFunction = (outputs: Tensor) => Tensor;

/** What a network says about a batch. */
interface Readout {
  /** [N, classes]. */
  readonly logits: Tensor;
  /** [N, classes]; undefined for a single number that is not a probability (regression). */
  readonly probabilities: Tensor | undefined;
}

/** Fills lists of classes that are shorter than others. */
export const noClass = -2;
/** Stands for the class of the largest logit. */
export const topClass = -1;

/**
 * Logits and probabilities of every class. One output z behind a sigmoid is two classes, 0 with the logit -z and 1 with the
 * logit z. Throws ExplainError for outputs that are more than one number for each class.
 */
function readoutOf(who: string, kind: EndingKind, output: Tensor, scores: Tensor): Readout {
  const [batch, ...sample] = output.shape;
  const count = sizeOf(sample);
  if (sample.some((extent) => extent !== 1 && extent !== count))
    throw new ExplainError(
      complaint(
        who,
        "a network that gives a score for each class",
        `an output of shape ${formatShape(sample)} for each sample`,
        "Choose a number to explain with target: (outputs) => ...",
      ),
    );
  const flat = (x: Tensor): Tensor => x.reshape([batch!, count]);
  const logits = flat(scores);
  if (kind === "sigmoid" && count === 1) {
    const both = concat([logits.neg(), logits], 1);
    return { logits: both, probabilities: both.sigmoid() };
  }
  if (kind === "none")
    return { logits, probabilities: count === 1 ? undefined : logits.softmax(-1) };
  return { logits, probabilities: flat(kind === "logSoftmax" ? output.exp() : output) };
}

/** Classes int32 [N, m] with each sample's own top class in place of `topClass`. */
function settledClasses(classes: Tensor, logits: Tensor): Tensor {
  const top = logits.argMax(-1).expandDims(-1).broadcastTo(classes.shape);
  return top.where(classes.equal(topClass), classes);
}

/** The sum [N] of each sample's numbers [N, classes] over its classes int32 [N, m]; `noClass` adds nothing. */
function sumOver(classes: Tensor, numbers: Tensor): Tensor {
  const selection = classes.oneHot(numbers.shape[1]!, { dtype: numbers.dtype }).sum([1]);
  return numbers.mul(selection).sum([-1]);
}

/** The scores [N] of a target function. Throws ExplainError if it gives anything else. */
function targetScores(who: string, target: TargetFunction, outputs: Tensor): Tensor {
  const scores: unknown = target(outputs);
  const batch = outputs.shape[0]!;
  if (
    !(scores instanceof Tensor) ||
    scores.rank !== 1 ||
    scores.shape[0] !== batch ||
    scores.dtype !== outputs.dtype
  )
    throw new ExplainError(
      complaint(
        `${who}: target`,
        `a function that gives one score for each sample, ${outputs.dtype}[${batch}], of outputs ${formatShape(outputs.shape)}`,
        scores instanceof Tensor ? scores.toString() : describe(scores),
      ),
    );
  return scores;
}

/**
 * Throws ExplainError for outputs [N, classes] that look like probabilities although nothing was found that makes them: their
 * logits are unknown, and taking probabilities for logits would give a map of something else.
 */
export function requireLogits(who: string, outputs: Tensor): void {
  if (outputs.shape[1] === 1) return;
  const least = outputs.min([1]).elements!;
  const totals = outputs.sum([1]).elements!;
  if (totals.some((total, n) => least[n]! >= 0 && Math.abs(total - 1) < 1e-4))
    throw new ExplainError(
      `${who}: the network's outputs add up to 1, as probabilities do, but no softmax or sigmoid was found that makes them. ` +
        "Say what to explain: target: (outputs) => outputs.at(k, 1) for class k.",
    );
}

/** Whether all elements are finite. */
export function areFinite(tensors: readonly Tensor[]): boolean {
  for (const { elements } of tensors)
    for (let i = 0; i < elements!.length; i++) if (!Number.isFinite(elements![i])) return false;
  return true;
}

/**
 * The error that says what is not finite: the image, or the first layer to give NaN or infinity, and the parameter that has
 * such elements.
 */
export function notFinite(
  who: string,
  network: Network,
  { graph, captured, layers }: Pass,
  images: Tensor,
  classes: Tensor,
): ExplainError {
  if (!areFinite([images]))
    return new ExplainError(complaint(`${who}: image`, "finite numbers", "NaN or infinity in it"));
  const spoilt = network
    .namedParameters()
    .find(([, tensor]) => tensor.elements !== undefined && !areFinite([tensor]));
  const because = spoilt === undefined ? "" : ` Its parameter ${spoilt[0]} has such elements.`;
  if (layers.length > 0) {
    const watching = { ...graph, outputs: layers.map(({ value }) => value) };
    const program = jit((x: Tensor, c: Tensor) =>
      stack(inline(watching, [x, c, ...captured]).map((value) => value.isFinite().all())),
    );
    const flags = program(images, classes).data();
    const first = flags.indexOf(0);
    if (first >= 0)
      return new ExplainError(
        `${who}: the network computes NaN or infinity, first in layer "${layers[first]!.name}".${because} ` +
          "The image is finite: check the weights, and that the image is prepared as the network expects.",
      );
  }
  return new ExplainError(
    `${who}: the network's outputs are finite, but the map is not: a derivative is infinite or NaN.${because} ` +
      "Choose a layer nearer to the output, or a method without gradients such as eigenCam or scoreCam.",
  );
}
