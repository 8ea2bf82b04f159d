/**
 * @file Trains the two networks of the data set `shapes` that come with the package: `npm run train:shapes`. The same command
 * writes the same bytes on every machine.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Tensor } from "adjoint";
import { shapes, shapesCnn, shapesOdeNet } from "adjoint/shapes";
import { loadModel, saveModel } from "adjoint/models";
import * as nn from "adjoint/nn";
import { adam, evaluate, fit, randomFlip, saveCheckpoint, schedules } from "adjoint/optim";
import { epochBar } from "./terminal/epoch-bar.ts";

const options = {
  network: { type: "string", default: "both" },
  images: { type: "string", default: "6000" },
  epochs: { type: "string" },
  out: { type: "string", default: "assets" },
  quiet: { type: "boolean", default: false },
} as const;

/** The networks, and what each of them was trained with. The second begins with what the first has found out about edges. */
const networks = {
  cnn: {
    epochs: 16,
    learningRate: 0.006,
    make: async (): Promise<nn.Sequential> => shapesCnn(),
    // With its layers, so that the file alone is a network.
    save: saveModel,
  },
  odenet: {
    epochs: 14,
    learningRate: 0.005,
    async make(folder: string): Promise<nn.Sequential> {
      const model = shapesOdeNet({ method: "rk4", steps: 4, gradient: "direct" });
      const cnn = (await loadModel(fileOf(folder, "cnn"))) as nn.Sequential;
      for (const [index, layer] of model.layers.entries()) {
        if ((layer as nn.Layer).name === "conv3") return model;
        Object.assign(layer, cnn.layers[index]);
      }
      return model;
    },
    save: saveCheckpoint,
  },
};

const fileOf = (folder: string, name: string): string => join(folder, `shapes-${name}.safetensors`);

/** Seeds of pictures: to learn from, to watch the training with, and to report. */
const seeds = { train: 0, validation: 1, test: 2 };
const batchSize = 32;
const [metrics, flip] = [{ accuracy: nn.metrics.accuracy }, randomFlip({ vertical: true })];

/** Trains as the arguments say. Gives each network's accuracy on 1000 pictures that nothing was chosen by. */
export async function main(args: readonly string[]): Promise<Record<string, number>> {
  const { values } = parseArgs({ args: [...args], options });
  const { network, out, quiet } = values;
  const chosen = Object.entries(networks).filter(([name]) => [name, "both"].includes(network));
  if (chosen.length === 0) throw new Error(`--network: cnn, odenet or both, not ${network}`);
  const images = Number(values.images);
  const say = (text: string): void => {
    if (!quiet) console.log(text);
  };
  const pictures = (seed: number, count: number): { x: Tensor; y: Tensor } => {
    const { x, y } = shapes({ seed, count });
    return { x, y };
  };
  const [train, validation] = [
    pictures(seeds.train, images),
    pictures(seeds.validation, Math.min(500, images)),
  ];
  const test = pictures(seeds.test, Math.min(1000, images));
  await mkdir(out, { recursive: true });
  const accuracies: Record<string, number> = {};
  for (const [name, { make, learningRate, epochs: usual, save }] of chosen) {
    const epochs = Number(values.epochs ?? usual);
    const steps = Math.ceil(images / batchSize) * epochs;
    const bar = epochBar("pictures", !quiet && process.stderr.isTTY);
    const model = await make(out);
    say(`${name}: ${model.parameterCount} parameters, ${images} pictures`);
    const { model: trained, history } = await fit(model, train, {
      loss: nn.crossEntropy,
      optimizer: adam({ learningRate: schedules.cosine({ from: learningRate, steps }) }),
      epochs,
      batchSize,
      validation,
      metrics,
      augment: (batch, key) => ({ ...batch, x: flip(batch.x, key) }),
      onBatch: bar.update,
      onEpoch: ({ epoch, loss, metrics: { accuracy }, seconds }) => {
        bar.stop();
        say(
          `epoch ${epoch}  loss ${loss.toFixed(4)}  accuracy ${percent(accuracy!)}  ${seconds.toFixed(0)} s`,
        );
      },
    });
    await save(fileOf(out, name), trained);
    const { accuracy } = evaluate(trained, test, metrics);
    accuracies[name] = accuracy!;
    const minutes = history.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
    say(
      `${name}: ${percent(accuracy!)} of ${test.y.size} other pictures, ${minutes.toFixed(1)} minutes`,
    );
  }
  return accuracies;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
