// A training run that continues from its checkpoint if there is one: started, and killed, by checkpoint-file.test.ts.
import { existsSync } from "node:fs";
import { type Tensor, random, tensor } from "../../src/index.ts";
import {
  type Trainer,
  adam,
  loadCheckpoint,
  saveCheckpoint,
  schedules,
  trainer,
} from "../../src/optim/index.ts";

type Model = { readonly w: Tensor };

/** Steps between checkpoints. */
export const interval = 4;

/** A model large enough that writing it takes a while. */
export function makeTrainer(): Trainer<Model, Tensor> {
  return trainer(
    { w: random.normal(random.key(1), [12_000]) },
    (model: Model, batch: Tensor, key: Tensor) =>
      model.w
        .sub(batch.sum())
        .add(random.normal(key, [1]))
        .square()
        .mean(),
    adam({ learningRate: schedules.exponential({ from: 0.1, rate: 0.9, steps: 10 }) }),
    { seed: 5 },
  );
}

/** Trains until `total` steps are made, saving every `interval` of them and at the end. */
export async function train(
  t: Trainer<Model, Tensor>,
  total: number,
  path: string,
  saved: (step: number) => void,
): Promise<void> {
  while (t.steps < total) {
    t.step(tensor([t.steps, 1]));
    if (t.steps % interval === 0 || t.steps === total) {
      await saveCheckpoint(path, t, { steps: t.steps });
      saved(t.steps);
    }
  }
}

const [path, total] = process.argv.slice(2);
if (path !== undefined && total !== undefined && import.meta.filename === process.argv[1]) {
  const t = makeTrainer();
  if (existsSync(path)) await loadCheckpoint(path, t);
  await train(t, Number(total), path, (step) => process.stdout.write(`${step}\n`));
}
