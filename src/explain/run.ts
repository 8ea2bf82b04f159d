/** @file Running a job: the forward pass, then the maps. Generators, so that whoever drives them may report, wait or stop. */
import { type Jitted, jit } from "../compile/jit.ts";
import type { Tensor } from "../ir/tensor.ts";
import { stack } from "../ops/index.ts";
import { ExplainError } from "./errors.ts";
import type { Job } from "./job.ts";
import { folds } from "./maps/fold.ts";
import type { StudyMethod } from "./method.ts";
import { type Parts, partsAt } from "./network/parts.ts";
import { type Readings, readingsOf } from "./network/pass.ts";
import { kept } from "./network/programs.ts";
import { areFinite, notFinite } from "./network/finite.ts";
import { studyOf } from "./study.ts";

/** What a run of a job gives. */
export interface Outcome extends Readings {
  /** One a layer, or the image's: [N, h, w], or [N, h, w, C]. */
  readonly maps: readonly Tensor[];
}

/** Runs a job. Yields what part of it is done. Throws ExplainError where something is not finite, saying where. */
export function* runJob(job: Job): Generator<number, Outcome> {
  const { settings, images } = job;
  if (!settings.augSmooth) return yield* runOnce(job);
  const first = yield* part(runOnce(job), 0, versionCount);
  return {
    ...first,
    maps: yield* augmented({ ...job, classes: first.classes }, first.maps, images),
  };
}

const factors = [1, 0.9, 1.1];
const versionCount = 2 * factors.length;

/** The mean of the maps of six versions of each image (pytorch-grad-cam's `aug_smooth`); those of the first are there. */
function* augmented(
  job: Job,
  firstMaps: readonly Tensor[],
  images: Tensor,
): Generator<number, Tensor[]> {
  let sums = [...firstMaps];
  for (let version = 1; version < versionCount; version++) {
    const isMirrored = version >= factors.length;
    const scaled = images.mul(factors[version % factors.length]!);
    const versionOf = { ...job, images: isMirrored ? scaled.flip(2) : scaled };
    const { maps } = yield* part(runOnce(versionOf), version, versionCount);
    sums = sums.map((sum, index) => sum.add(isMirrored ? maps[index]!.flip(2) : maps[index]!));
  }
  return sums.map((sum) => sum.div(versionCount));
}

/** Progress of one of several equal parts of the work. */
function* part<T>(work: Generator<number, T>, index: number, count: number): Generator<number, T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    yield (index + step.value) / count;
  }
}

function* runOnce(job: Job): Generator<number, Outcome> {
  const { method, images, classes, settings, pass } = job;
  const results = programOf(job)(images, classes);
  const count = pass.graph.outputs.length;
  const readings = readingsOf(results.slice(0, count), classes);
  const { scores, logits } = readings;
  if (pass.ending === "none" && logits !== undefined) requireScores(method.name, logits);
  let maps = results.slice(count);
  if (areFinite([scores, ...maps]) && "study" in method) {
    const contributions = yield* studies(job, method, readings.classes, scores, maps);
    maps = contributions.map((each) => folds[settings.fold](each));
  }
  if (!areFinite([scores, ...maps]))
    throw notFinite(method.name, job.network, pass, images, classes);
  return { ...readings, maps };
}

/**
 * Outputs that are probabilities, though nothing was found that makes them: what they are made of cannot be told, and taking them
 * for logits would be a map of something else.
 */
function requireScores(who: string, logits: Tensor): void {
  if (logits.shape[1] === 1) return;
  const least = logits.min([1]).elements!;
  const totals = logits.sum([1]).elements!;
  if (totals.some((total, n) => least[n]! >= 0 && Math.abs(total - 1) < 1e-4))
    throw new ExplainError(
      `${who}: the network's outputs add up to 1, as probabilities do, but no softmax or sigmoid was found that makes them. ` +
        "Say what to explain: target: (outputs) => outputs.at(k, 1) for class k.",
    );
}

/** The contributions that a method of many passes finds, image by image: one tensor [N, h, w, C] a layer. */
function* studies(
  job: Job,
  method: StudyMethod,
  classes: Tensor,
  scores: Tensor,
  activations: readonly Tensor[],
): Generator<number, Tensor[]> {
  const { images, options } = job;
  const batch = images.shape[0]!;
  const rowOf = (tensor: Tensor, n: number): Tensor => tensor.slice([n], [n + 1]);
  const found: (readonly Tensor[])[] = [];
  for (let n = 0; n < batch; n++) {
    const own = activations.map((layer) => rowOf(layer, n));
    const score = scores.elements![n]!;
    const study = studyOf(job, rowOf(images, n), rowOf(classes, n), own, score);
    found.push(yield* part(method.study(study, options), n, batch));
  }
  return found[0]!.map((_, layer) => stack(found.map((maps) => maps[layer]!.squeeze(0))));
}

/** From images and classes to the pass' outputs, then the maps; for methods of many passes, what these begin with. */
type PassProgram = Jitted<[images: Tensor, classes: Tensor], Tensor[]>;

/** One forward pass, the gradient above the layers, and the maps, as one program. */
export function programOf({ method, network, settings, pass, passKey, layers }: Job): PassProgram {
  const isStudy = "study" in method;
  const kind = isStudy ? "activations" : `${method.name} ${settings.fold}`;
  const sites = layers.length === 0 ? [pass.graph.inputs[0]!] : layers.map(({ value }) => value);
  const make = (): PassProgram => {
    const program = (images: Tensor, classes: Tensor): Tensor[] => {
      const { readings, parts } = partsAt(method.name, network, pass, images, classes, sites);
      const mapOf = (its: Parts): Tensor =>
        isStudy ? its.activations : folds[settings.fold](method.contributions(its));
      return [...readings, ...parts.map(mapOf)];
    };
    Object.defineProperty(program, "name", { value: method.name });
    return jit(program);
  };
  return kept(network, [kind, ...layers.map(({ name }) => name), passKey].join(" "), make);
}
