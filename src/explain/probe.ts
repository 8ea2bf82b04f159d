/**
 * @file Step two of an explanation: the network is probed. One program runs the forward pass, the gradient above the layers and
 * what the method makes of them; methods of many passes go on from there. Generators, so that whoever runs them can report,
 * wait or stop.
 */
import { type GraphVjp, inline, vjpGraph } from "../autodiff/index.ts";
import { type Jitted, jit } from "../compile/jit.ts";
import type { Value } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { ones, stack, zerosLike } from "../ops/index.ts";
import { folds } from "./maps.ts";
import type { Method, Probe, Study, StudyMethod } from "./method.ts";
import { biasesOf } from "./network/biases.ts";
import { withGuidedRelu } from "./network/guided.ts";
import {
  type Network,
  type Pass,
  type Readings,
  areFinite,
  notFinite,
  readingsOf,
  requireLogits,
} from "./network/pass.ts";
import { type Request, passOf } from "./request.ts";

/** What a network and a method say about a batch of images. */
export interface Findings extends Readings {
  /** For each layer (or for the image) the maps [N, h, w], or [N, h, w, C] if channels were kept apart. */
  readonly maps: readonly Tensor[];
}

/** Probes the network. Yields the share of the work that is done. Throws ExplainError, saying where, if something is not finite. */
export function* probe(request: Request): Generator<number, Findings> {
  if (!request.settings.augSmooth) return yield* probeOnce(request);
  const first = yield* part(probeOnce(request), 0, versions);
  return { ...first, maps: yield* augmented({ ...request, classes: first.classes }, first.maps) };
}

function* probeOnce(request: Request): Generator<number, Findings> {
  const { method, network, fold, images, classes, pass } = request;
  const results = programOf(request)(images, classes);
  const count = pass.graph.outputs.length;
  const readings = readingsOf(results.slice(0, count), classes);
  const { scores, logits } = readings;
  if (pass.ending === "none" && logits !== undefined) requireLogits(method.name, logits);
  let maps = results.slice(count);
  if ("study" in method && areFinite([scores, ...maps])) {
    const contributions = yield* studies(request, method, readings, maps);
    maps = contributions.map((each) => folds[fold](each));
  }
  if (!areFinite([scores, ...maps])) throw notFinite(method.name, network, pass, images, classes);
  return { ...readings, maps };
}

/**
 * From images and classes to the outputs of the pass, then the map of each layer; for methods of many passes the layers'
 * activations, with which all of them begin.
 */
export function programOf(request: Request): Jitted<[images: Tensor, classes: Tensor], Tensor[]> {
  const { method, network, programs, fold, pass, layers } = request;
  const isStudy = "study" in method;
  const names = layers.map(({ name }) => name);
  const begins = isStudy ? ["activations"] : ["map", method, fold];
  return programs.get([begins, names, pass.key], () => {
    const program = (images: Tensor, classes: Tensor): Tensor[] => {
      const sites = layers.length === 0 ? [pass.graph.inputs[0]!] : layers.map((its) => its.value);
      const { readings, probes } = probesOf(method.name, network, pass, images, classes, sites);
      const mapOf = (its: Probe): Tensor =>
        isStudy ? its.activations : folds[fold](method.contributions(its));
      return [...readings(), ...probes.map(mapOf)];
    };
    return jit(named(program, method));
  });
}

/**
 * Probes of a pass at some of its values, for images and classes of its shapes, and the outputs of the pass. All of them share one
 * forward and one backward computation.
 */
function probesOf(
  who: string,
  network: Network,
  pass: Pass,
  images: Tensor,
  classes: Tensor,
  sites: readonly Value[],
): { readonly readings: () => readonly Tensor[]; readonly probes: readonly Probe[] } {
  const { graph, captured } = pass;
  const inputs = [images, classes, ...captured];
  const count = graph.outputs.length;
  const scoreOnly = { ...graph, outputs: [graph.outputs[0]!] };
  const watched = once(() =>
    vjpGraph({ ...graph, outputs: [...graph.outputs, ...sites] }, inputs, [], sites),
  );
  const gradients = once(() =>
    derivativesAt(watched(), watched().outputs.slice(count), inputs.length),
  );
  const guidedGradients = once(() => {
    const guided = vjpGraph(withGuidedRelu(who, graph), inputs, [true]);
    return derivativesAt(guided, [images], 0)[0]!;
  });
  const biases = once(() => {
    const terms = biasesOf(network, pass);
    const places = terms.map(({ place }) => place);
    const outputs = [graph.outputs[0]!, ...places];
    const added = vjpGraph({ ...graph, outputs }, inputs, [], places);
    const derivatives = derivativesAt(added, added.outputs.slice(1), inputs.length);
    return terms.map(({ bias }, index) => ({ bias, gradients: derivatives[index]! }));
  });
  const probes = sites.map((site, index): Probe => ({
    images,
    get scores() {
      // A pass that is going to be differentiated may keep records that scores alone do not need.
      return watched.isMade() ? watched().outputs[0]! : inline(scoreOnly, inputs)[0]!;
    },
    get activations() {
      return watched().outputs[count + index]!;
    },
    get gradients() {
      return gradients()[index]!;
    },
    get guidedGradients() {
      return guidedGradients();
    },
    get biases() {
      return biases();
    },
    scoresWith(activations) {
      if (site.node === null) return inline(scoreOnly, [activations, classes, ...captured])[0]!;
      return inline(scoreOnly, inputs, ({ outputs }) =>
        outputs.includes(site) ? [activations] : undefined,
      )[0]!;
    },
  }));
  return { readings: () => watched().outputs.slice(0, count), probes };
}

/**
 * The score's derivatives by tensors like `values`, which are among the pullback's results from `first` on. A sample's score
 * depends on its own activations alone, so one backward pass from the sum of all scores gives the derivatives of each.
 */
function derivativesAt(
  { outputs, pullback }: GraphVjp,
  values: readonly Tensor[],
  first: number,
): Tensor[] {
  const score = outputs[0]!;
  const cotangents = pullback([ones(score.shape, { dtype: score.dtype })]);
  return values.map((value, index) => cotangents[first + index] ?? zerosLike(value));
}

/** What a method of many passes finds, image by image and layer by layer: contributions [N, h, w, C] for each layer. */
function* studies(
  request: Request,
  method: StudyMethod,
  { classes, scores }: Readings,
  activations: readonly Tensor[],
): Generator<number, Tensor[]> {
  const { images, settings } = request;
  const batch = images.shape[0]!;
  const rowOf = (tensor: Tensor, n: number): Tensor => tensor.slice([n], [n + 1]);
  const found: Tensor[][] = activations.map(() => []);
  for (let n = 0; n < batch; n++)
    for (const [layer, its] of activations.entries()) {
      const study: Study = {
        who: method.name,
        image: rowOf(images, n),
        activations: rowOf(its, n),
        score: scores.elements![n]!,
        program: (key, size, write) =>
          studyProgram(request, layer, rowOf(classes, n), key, size, write),
      };
      const work = method.study(study, settings);
      const done = n * activations.length + layer;
      found[layer]!.push(yield* part(work, done, batch * activations.length));
    }
  return found.map((maps) => stack(maps.map((map) => map.squeeze(0))));
}

function studyProgram(
  request: Request,
  layer: number,
  classes: Tensor,
  key: readonly unknown[],
  size: number,
  write: Parameters<Study["program"]>[2],
): (...inputs: Tensor[]) => Tensor {
  const { method, network, programs, images, layers } = request;
  const shape = [size, ...images.shape.slice(1)];
  const pass = passOf(request, { dtype: images.dtype, shape }, classes);
  const name = layers[layer]?.name;
  const program = programs.get(["study", method, key, name, pass.key], () => {
    const site =
      name === undefined
        ? pass.graph.inputs[0]!
        : pass.layers.find((output) => output.name === name)!.value;
    const run = (chosen: Tensor, ...inputs: Tensor[]): Tensor => {
      const each = chosen.broadcastTo([size, chosen.shape[1]!]);
      const look = (seen: Tensor): Probe =>
        probesOf(method.name, network, pass, seen.broadcastTo(shape), each, [site]).probes[0]!;
      return write(look, ...inputs);
    };
    return jit(named(run, method));
  });
  return (...inputs) => program(classes, ...inputs);
}

const factors = [1, 0.9, 1.1];
const versions = 2 * factors.length;

/** The mean of the maps of six versions of each image (pytorch-grad-cam's `aug_smooth`), the first of which are known. */
function* augmented(request: Request, firstMaps: readonly Tensor[]): Generator<number, Tensor[]> {
  let sums = [...firstMaps];
  for (let version = 1; version < versions; version++) {
    const isMirrored = version >= factors.length;
    const scaled = request.images.mul(factors[version % factors.length]!);
    const images = isMirrored ? scaled.flip(2) : scaled;
    const { maps } = yield* part(probeOnce({ ...request, images }), version, versions);
    sums = sums.map((sum, index) => sum.add(isMirrored ? maps[index]!.flip(2) : maps[index]!));
  }
  return sums.map((sum) => sum.div(versions));
}

/** Work that is number `index` of `count` equal parts. */
function* part<T>(work: Generator<number, T>, index: number, count: number): Generator<number, T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    yield (index + step.value) / count;
  }
}

/** The same function under the method's name, which compiled programs show. */
function named<F extends object>(program: F, { name }: Method): F {
  return Object.defineProperty(program, "name", { value: name });
}

function once<T>(make: () => T): (() => T) & { readonly isMade: () => boolean } {
  let made: { readonly value: T } | undefined;
  return Object.assign(() => (made ??= { value: make() }).value, {
    isMade: () => made !== undefined,
  });
}
