/** @file One pass of a network as a graph: from images and classes to scores, with what every layer gives on the way. */
import type { DType } from "../../ir/dtype.ts";
import { complaint, describe } from "../../base/errors.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Shape } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";
import { currentTrace, trace } from "../../ir/trace.ts";
import type { Mode } from "../../nn/index.ts";
import { Module } from "../../nn/module.ts";
import type { TensorOrList } from "../../nn/shapes.ts";
import { ExplainError } from "../errors.ts";
import { type EndingKind, endingOf, viewed } from "./ending.ts";
import { type LayerOutput, layerNames } from "./layers.ts";
import {
  type Readout,
  type Score,
  type TargetFunction,
  readoutOf,
  settledClasses,
  sumOver,
  targetScores,
} from "./readout.ts";

/** What can be explained: a model, any layer, or a module with `forward(x, mode)` from images to scores. */
export type Network = Module & {
  // Models are typed by what they take: a common type of all has to give up on saying what.
  // oxlint-disable-next-line typescript/no-explicit-any
  forward(x: any, mode?: Mode): TensorOrList;
};

/** Throws ExplainError naming `who` for what is no network. */
export function requireNetwork(who: string, network: unknown): asserts network is Network {
  if (!(network instanceof Module) || typeof (network as Partial<Network>).forward !== "function")
    throw new ExplainError(
      complaint(
        who,
        "a network: a model, a layer, or a module with forward(x)",
        describe(network),
        "loadModel makes one of a file.",
      ),
    );
}

/** What a pass depends on. */
export interface PassOptions {
  /** Images [N, H, W, channels]. */
  readonly shape: Shape;
  readonly dtype: DType;
  /** How many classes each sample's score may add up. */
  readonly classesEach: number;
  readonly score: Score;
  readonly target: TargetFunction | undefined;
  /** Which of several outputs is explained. */
  readonly output: number | undefined;
}

/** A pass. Its graph takes images, the classes int32 [N, m], then what is captured. */
export interface Pass {
  /**
   * Outputs: score [N], then, unless a target function takes the place of classes, the classes explained int32 [N, m], logits
   * [N, classes] and, as far as there are any, probabilities [N, classes].
   */
  readonly graph: Graph;
  readonly captured: readonly Tensor[];
  /** What layers give, in the order of computation. */
  readonly layers: readonly LayerOutput[];
  readonly ending: EndingKind;
  /** 0 where a target function takes the place of classes. */
  readonly classCount: number;
}

/** Traces a network. Throws ExplainError naming `who` where it does not take images or give scores. */
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
  const { shape, dtype, classesEach, score, target } = options;
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
  return { graph, captured, layers, ending, classCount };
}

/** What a pass says of a batch, by name. */
export interface Readings {
  readonly scores: Tensor;
  /** The classes explained. */
  readonly classes: Tensor;
  readonly logits: Tensor | undefined;
  readonly probabilities: Tensor | undefined;
}

/** The outputs of a pass' graph by name, for the classes that were asked for. */
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

/** Models of a list of inputs take a list, if only of one. */
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
        "Say with output: 0, 1, ... which of them to explain.",
      ),
    );
  const chosen = outputs[output ?? 0];
  if (chosen === undefined)
    throw new ExplainError(
      complaint(`${who}: output`, `a number below ${outputs.length}`, String(output)),
    );
  return chosen;
}
