/** @file The base of all methods: everything but the map. */
import { type GraphVjp, vjpGraph } from "../autodiff/index.ts";
import { type Jitted, jit } from "../compile/jit.ts";
import { complaint, describe } from "../ir/errors.ts";
import type { Value } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { Module } from "../nn/module.ts";
import { identityOf } from "../nn/static-key.ts";
import { ones, zerosLike } from "../ops/index.ts";
import { ExplainError } from "./errors.ts";
import { type Explanation, isSaturated } from "./explanation.ts";
import { folds } from "./maps/fold.ts";
import { mergedMaps } from "./maps/merge.ts";
import type { Method, Parts } from "./method.ts";
import { notFinite } from "./network/finite.ts";
import { type LayerOutput, chooseLayers } from "./network/layers.ts";
import { type Network, type Pass, type PassOptions, tracePass } from "./network/pass.ts";
import { kept } from "./network/programs.ts";
import { noClass, topClass } from "./network/readout.ts";
import { type ExplainOptions, type Settings, batchOf, classesOf, settingsOf } from "./request.ts";

/** A method as it is called. */
export interface Explainer<O extends ExplainOptions = ExplainOptions> {
  /**
   * The explanation of one image, [H, W, channels] or [1, H, W, channels], prepared as the network expects. Throws ExplainError
   * for a network, layer, class or image that cannot be explained as asked.
   */
  (network: Network, image: Tensor, options?: O): Explanation;
  /** The explanations of a batch of images [N, H, W, channels], in order. */
  batch(network: Network, images: Tensor, options?: O): Explanation[];
  /** The compiled program as text: its graph, kernels and memory. What it costs can be read there. */
  program(network: Network, images: Tensor, options?: O): string;
  /** What the method says of itself. */
  readonly method: Method;
}

/** A method as a function. */
export function explainer(method: Method): Explainer {
  const batch = (network: Network, images: Tensor, options: ExplainOptions = {}): Explanation[] =>
    explain(method, network, images, options);
  const program = (network: Network, images: Tensor, options: ExplainOptions = {}): string => {
    const { job, classes, batch: all } = request(method, network, images, options);
    return programOf(job).explain(all, classes);
  };
  const one = (network: Network, image: Tensor, options: ExplainOptions = {}): Explanation => {
    const [explanation, ...others] = batch(network, image, options);
    if (others.length > 0)
      throw new ExplainError(
        complaint(
          `${method.name}: image`,
          "one image",
          `${others.length + 1}`,
          `Use ${method.name}.batch.`,
        ),
      );
    return explanation!;
  };
  return Object.assign(one, { batch, program, method });
}

/** A request ready to run. */
interface Job {
  readonly method: Method;
  readonly network: Network;
  readonly settings: Settings;
  readonly pass: Pass;
  readonly passKey: string;
  /** Empty for methods of the image. */
  readonly layers: readonly LayerOutput[];
}

/** From images and classes to the pass' outputs and the maps. */
type PassProgram = Jitted<[images: Tensor, classes: Tensor], Tensor[]>;

/** What a run of a job gives. */
interface Outcome {
  readonly scores: Tensor;
  readonly logits: Tensor | undefined;
  readonly probabilities: Tensor | undefined;
  /** One a layer, or the image's: [N, h, w] or [N, h, w, C]. */
  readonly maps: readonly Tensor[];
}

function explain(
  method: Method,
  network: Network,
  given: Tensor,
  options: ExplainOptions,
): Explanation[] {
  const { job, batch: images, classes } = request(method, network, given, options);
  const outcome = run(job, images, classes);
  requireFinite(job, outcome, images, classes);
  const chosen = settledClasses(classes, outcome.logits);
  const maps = job.settings.augSmooth ? augmented(job, images, chosen) : outcome.maps;
  return explanations(job, images, chosen, { ...outcome, maps });
}

/** Checks everything that is asked for. */
function request(
  method: Method,
  network: Network,
  given: Tensor,
  options: ExplainOptions,
): { readonly job: Job; readonly batch: Tensor; readonly classes: Tensor } {
  const who = method.name;
  requireNetwork(who, network);
  const settings = settingsOf(method, options, []);
  const batch = batchOf(who, network, given);
  const classes = classesOf(who, options.classIndex, batch.shape[0]!);
  settings.signal?.throwIfAborted();
  const job = prepare(method, network, settings, batch, classes);
  const { classCount } = job.pass;
  const beyond = classes.data().find((index) => index >= classCount);
  if (settings.target === undefined && beyond !== undefined)
    throw new ExplainError(
      complaint(
        `${who}: classIndex`,
        classCount === 1 ? "0, the network's only output" : `a class from 0 to ${classCount - 1}`,
        String(beyond),
      ),
    );
  return { job, batch, classes };
}

/** Throws ExplainError naming `who` for what cannot be explained. */
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

function prepare(
  method: Method,
  network: Network,
  settings: Settings,
  images: Tensor,
  classes: Tensor,
): Job {
  const { score, target, output } = settings;
  const { shape, dtype } = images;
  const passOptions: PassOptions = {
    shape,
    dtype,
    classesEach: classes.shape[1]!,
    score,
    target,
    output,
  };
  const passKey = [
    `${dtype}[${shape.join()}]`,
    passOptions.classesEach,
    score,
    target === undefined ? "" : identityOf(target),
    output,
  ].join(" ");
  const pass = kept(network, `pass ${passKey}`, () => tracePass(method.name, network, passOptions));
  const layers =
    method.at === "image" ? [] : chooseLayers(method.name, pass.layers, settings.layer);
  return { method, network, settings, pass, passKey, layers };
}

/** One forward pass, the gradient above the layers, and the maps, as one program. */
function programOf({ method, network, settings, pass, passKey, layers }: Job): PassProgram {
  const key = [method.name, settings.fold, ...layers.map(({ name }) => name), passKey].join(" ");
  return kept(network, key, () => {
    const sites = layers.length === 0 ? [pass.graph.inputs[0]!] : layers.map(({ value }) => value);
    return compile(method, settings, pass, sites);
  });
}

function run(job: Job, images: Tensor, classes: Tensor): Outcome {
  const { pass } = job;
  const results = programOf(job)(images, classes);
  const count = pass.graph.outputs.length;
  const [scores, logits, probabilities] = results.slice(0, count);
  return { scores: scores!, logits, probabilities, maps: results.slice(count) };
}

function compile(
  method: Method,
  { fold }: Settings,
  { graph, captured }: Pass,
  sites: readonly Value[],
): PassProgram {
  const program = (images: Tensor, classes: Tensor): Tensor[] => {
    const watched = { ...graph, outputs: [...graph.outputs, ...sites] };
    const inputs = [images, classes, ...captured];
    const derived = vjpGraph(watched, inputs, [], sites);
    const readings = derived.outputs.slice(0, graph.outputs.length);
    const activations = derived.outputs.slice(graph.outputs.length);
    const gradients = once(() => gradientsAt(derived, readings[0]!, activations, inputs.length));
    const maps = activations.map((layer, index) => {
      const parts: Parts = {
        activations: layer,
        get gradients() {
          return gradients()[index]!;
        },
      };
      return folds[fold](method.contributions(parts));
    });
    return [...readings, ...maps];
  };
  Object.defineProperty(program, "name", { value: method.name });
  return jit(program);
}

/** Gradients of all samples' scores: a sample's score depends on its own activations alone. */
function gradientsAt(
  { pullback }: GraphVjp,
  scores: Tensor,
  activations: readonly Tensor[],
  inputCount: number,
): Tensor[] {
  const cotangents = pullback([ones(scores.shape, { dtype: scores.dtype })]).slice(inputCount);
  return activations.map((layer, index) => cotangents[index] ?? zerosLike(layer));
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function requireFinite(job: Job, { scores, maps }: Outcome, images: Tensor, classes: Tensor): void {
  if ([scores, ...maps].every((tensor) => tensor.elements!.every(Number.isFinite))) return;
  throw notFinite(job.method.name, job.network, job.pass, images, classes);
}

/** The classes with each top class in its place. */
function settledClasses(classes: Tensor, logits: Tensor | undefined): Tensor {
  if (logits === undefined) return classes;
  const top = logits.argMax(-1).expandDims(-1);
  return top.broadcastTo(classes.shape).where(classes.equal(topClass), classes);
}

/** The mean of the maps of six versions of each image (pytorch-grad-cam's `aug_smooth`). */
function augmented(job: Job, images: Tensor, classes: Tensor): Tensor[] {
  const factors = [0.9, 1, 1.1];
  const versions = [images, images.flip(2)].flatMap((mirrored, turn) =>
    factors.map((factor) =>
      run(job, mirrored.mul(factor), classes).maps.map((map) => (turn === 0 ? map : map.flip(2))),
    ),
  );
  return versions[0]!.map((_, layer) =>
    versions
      .map((maps) => maps[layer]!)
      .reduce((sum, map) => sum.add(map))
      .div(versions.length),
  );
}

function explanations(
  { method, settings, layers }: Job,
  images: Tensor,
  classes: Tensor,
  { scores, probabilities, maps }: Outcome,
): Explanation[] {
  const { relu, score, target } = settings;
  const rectified = maps.map((map) => (relu ? map.relu() : map));
  const [, height, width] = images.shape as [number, number, number, number];
  const final = maps.length === 1 ? rectified[0]! : mergedMaps(rectified, height, width);
  const shape = final.shape.slice(1);
  return Array.from({ length: images.shape[0]! }, (_, n) => {
    const rowOf = (tensor: Tensor): Float32Array | Float64Array => {
      const size = sizeOf(tensor.shape.slice(1));
      return tensor.elements!.slice(n * size, (n + 1) * size) as Float32Array | Float64Array;
    };
    const all = probabilities === undefined ? undefined : rowOf(probabilities);
    const classIndices =
      target === undefined ? [...rowOf(classes)].filter((index) => index !== noClass) : [];
    const probability = all && classIndices.reduce((sum, index) => sum + all[index]!, 0);
    return {
      values: rowOf(final),
      shape,
      method: method.name,
      layer: layers.length === 0 ? undefined : layers.map(({ name }) => name).join(" + "),
      score,
      classIndex: classIndices[0],
      classIndices,
      scoreValue: scores.elements![n]!,
      probability,
      probabilities: all,
      allNonPositive: maps.every((map) => rowOf(map).every((value) => value <= 0)),
      saturated: isSaturated(score, probability),
    };
  });
}
