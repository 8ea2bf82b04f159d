/** @file Methods of many passes: what they may ask of the network about one image, compiled for batches. */
import { inline, vjpGraph } from "../autodiff/index.ts";
import { type Jitted, jit } from "../compile/jit.ts";
import type { Tensor } from "../ir/tensor.ts";
import { ones } from "../ops/index.ts";
import { type Job, passFor } from "./job.ts";
import type { Batch, Study } from "./method.ts";
import type { LayerOutput } from "./network/layers.ts";
import type { Pass } from "./network/pass.ts";
import { kept } from "./network/programs.ts";

/** A study of one image of a job, whose classes are known. */
export function studyOf(
  job: Job,
  image: Tensor,
  classes: Tensor,
  activations: readonly Tensor[],
  score: number,
): Study {
  const { method, network, settings, layers } = job;
  const who = method.name;
  return {
    image,
    activations,
    score,
    who,
    program(key, size, make) {
      const shape = [size, ...image.shape.slice(1)];
      const found = passFor(who, network, settings, { dtype: image.dtype, shape }, classes);
      const names = layers.map(({ name }) => name);
      const program = kept(network, [who, key, ...names, found.key].join(" "), () => {
        const run = (chosen: Tensor, ...inputs: Tensor[]): Tensor[] =>
          make(batchOf(found.pass, layers, chosen), ...inputs);
        Object.defineProperty(run, "name", { value: who });
        return jit(run) as Jitted<Tensor[], Tensor[]>;
      });
      return (...inputs) => program(classes, ...inputs);
    },
  };
}

function batchOf(
  { graph, captured, layers }: Pass,
  chosen: readonly LayerOutput[],
  classes: Tensor,
): Batch {
  const size = graph.inputs[0]!.shape[0]!;
  const each = classes.broadcastTo([size, classes.shape[1]!]);
  const scoreOnly = { ...graph, outputs: [graph.outputs[0]!] };
  return {
    scoresOf: (images) => inline(scoreOnly, [images, each, ...captured])[0]!,
    gradientsOf(images) {
      const { outputs, pullback } = vjpGraph(scoreOnly, [images, each, ...captured], [true]);
      const [score] = outputs as [Tensor];
      return pullback([ones(score.shape, { dtype: score.dtype })])[0] ?? images.zerosLike();
    },
    scoresWith(image, index, activations) {
      const { value } = layers.find(({ name }) => name === chosen[index]!.name)!;
      const images = image.broadcastTo(graph.inputs[0]!.shape);
      const isInput = value.node === null;
      return inline(scoreOnly, [isInput ? activations : images, each, ...captured], ({ outputs }) =>
        outputs.includes(value) ? [activations] : undefined,
      )[0]!;
    },
  };
}
