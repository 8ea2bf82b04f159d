/**
 * @file The neural ODE paper's MNIST experiment: an ODE network beside a residual network with three times the parameters.
 * Run it with `npx tsx examples/odenet-mnist.ts --data FOLDER --model odenet`.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import * as nn from "adjoint/nn";
import type { StatsReport } from "adjoint/ode";
import { type EpochRecord, adam, evaluate, fit, randomShift, schedules } from "adjoint/optim";
import { readDigits } from "./mnist/digits.ts";
import { OdeNet, ResNet } from "./mnist/networks.ts";
import { epochBar } from "./terminal/epoch-bar.ts";

const defaults = {
  data: { type: "string", default: "data/mnist" },
  model: { type: "string", default: "odenet" },
  epochs: { type: "string", default: "12" },
  "batch-size": { type: "string", default: "64" },
  "learning-rate": { type: "string", default: "0.003" },
  augment: { type: "string", default: "2" },
  tolerance: { type: "string", default: "0.001" },
  gradient: { type: "string", default: "adjoint" },
  filters: { type: "string", default: "64" },
  seed: { type: "string", default: "0" },
  minutes: { type: "string", default: "Infinity" },
  out: { type: "string" },
  resume: { type: "boolean", default: false },
  quiet: { type: "boolean", default: false },
} as const;

/** An epoch in the table: evaluations of the dynamics are means over the solves of the epoch's training steps. */
export type Row = EpochRecord & { readonly forward: number; readonly backward: number };

const columns: readonly [name: string, text: (row: Row) => string][] = [
  ["epoch", (row) => String(row.epoch)],
  ["train loss", (row) => row.loss.toFixed(4)],
  ["test loss", (row) => row.metrics["loss"]!.toFixed(4)],
  ["test accuracy", (row) => `${(100 * row.metrics["accuracy"]!).toFixed(2)} %`],
  ["forward", (row) => row.forward.toFixed(1)],
  ["backward", (row) => row.backward.toFixed(1)],
  ["seconds", (row) => row.seconds.toFixed(1)],
];
const header = columns.map(([name]) => name).join("  ");
const line = (row: Row): string =>
  columns.map(([name, text]) => text(row).padStart(name.length)).join("  ");

/** Trains as the arguments say; the rows of the table, the accuracy on the test digits, and the model's size. */
export async function main(
  args: readonly string[],
): Promise<{ rows: Row[]; accuracy: number; parameters: number }> {
  const { values } = parseArgs({ args: [...args], options: defaults });
  const number = (name: keyof typeof defaults): number => {
    const value = Number(values[name]);
    if (!(value >= 0)) throw new Error(`--${name}: expected a number, got ${values[name]}`);
    return value;
  };
  const { model: kind, gradient } = values;
  if (kind !== "odenet" && kind !== "resnet")
    throw new Error(`--model: odenet or resnet, not ${kind}`);
  if (gradient !== "adjoint" && gradient !== "seminorm" && gradient !== "direct")
    throw new Error(`--gradient: adjoint, seminorm or direct, not ${gradient}`);
  const [epochs, batchSize, seed] = [number("epochs"), number("batch-size"), number("seed")];
  const say = (text: string): void => {
    if (!values.quiet) console.log(text);
  };

  const [train, test] = [
    await readDigits(values.data, "train"),
    await readDigits(values.data, "t10k"),
  ];
  // Evaluations of the dynamics and solves in this epoch, and what they were after its last training step.
  const counts = { forward: 0, backward: 0, forwardSolves: 0, backwardSolves: 0 };
  let training = { ...counts };
  const onStats = ({ direction, evaluations }: StatsReport): void => {
    counts[direction] += evaluations;
    counts[`${direction}Solves`] += 1;
  };
  const model =
    kind === "odenet"
      ? new OdeNet(number("filters"), seed, { tolerance: number("tolerance"), gradient, onStats })
      : new ResNet(number("filters"), seed);
  const shift = randomShift({ rows: number("augment"), columns: number("augment") });
  const stepsAnEpoch = Math.ceil(train.y.size / batchSize);
  const limit = 60_000 * number("minutes");

  const rows: Row[] = [];
  const bar = epochBar("digits", !values.quiet && process.stderr.isTTY);
  say(`${kind}, ${model.parameterCount} parameters, ${train.y.size} digits\n${header}`);
  const result = await fit(model, train, {
    loss: nn.crossEntropy,
    optimizer: adam({
      learningRate: schedules.warmup({
        steps: stepsAnEpoch,
        to: schedules.cosine({
          from: number("learning-rate"),
          steps: stepsAnEpoch * Math.max(1, epochs - 1),
        }),
      }),
    }),
    epochs,
    batchSize,
    shuffle: seed,
    validation: test,
    metrics: { accuracy: nn.metrics.accuracy },
    augment: (batch, key) => ({ ...batch, x: shift(batch.x, key) }),
    onBatch: (progress) => {
      bar.update(progress);
      training = { ...counts };
    },
    onEpoch: (record) => {
      const mean = (direction: "forward" | "backward"): number =>
        training[direction] / Math.max(1, training[`${direction}Solves`]);
      rows.push({ ...record, forward: mean("forward"), backward: mean("backward") });
      bar.stop();
      say(line(rows.at(-1)!));
      Object.assign(counts, { forward: 0, backward: 0, forwardSolves: 0, backwardSolves: 0 });
    },
    ...(Number.isFinite(limit) && { signal: AbortSignal.timeout(limit) }),
    ...(values.out !== undefined && {
      checkpoint: {
        path: join(await folder(values.out), `${kind}.safetensors`),
        resume: values.resume,
      },
    }),
  });
  bar.stop();
  const accuracy =
    result.stopped === "finished" && rows.length > 0
      ? rows.at(-1)!.metrics["accuracy"]!
      : evaluate(result.model, test, { accuracy: nn.metrics.accuracy })["accuracy"]!;
  const minutes = result.history.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  say(
    `${result.stopped}: test accuracy ${(100 * accuracy).toFixed(2)} %, ${minutes.toFixed(1)} minutes of training`,
  );
  if (values.out !== undefined)
    await writeFile(join(values.out, `${kind}.json`), `${JSON.stringify(rows, null, 1)}\n`);
  return { rows, accuracy, parameters: model.parameterCount };
}

async function folder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return path;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
