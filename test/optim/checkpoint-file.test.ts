// Checkpoints in files: whole or not at all, whatever happens while they are written.
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { ArgumentError, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import {
  CheckpointError,
  adam,
  decodeCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
  sgd,
  trainer,
} from "../../src/optim/index.ts";
import { interval, makeTrainer, train } from "./checkpoint-child.ts";

const folder = mkdtempSync(join(tmpdir(), "adjoint-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name: string): string => join(folder, name);

const make = () =>
  trainer(
    nn.sequential([
      nn.dense({ units: 3, activation: "relu", inputShape: [2] }),
      nn.dense({ units: 1 }),
    ]),
    (model, batch) => model.forward(batch.x).sub(batch.y).square().mean(),
    adam({ learningRate: 0.05 }),
  );
const batch = {
  x: tensor([
    [1, 2],
    [3, -1],
  ]),
  y: tensor([[1], [2]]),
};

describe("a saved trainer", () => {
  test("goes on to the same bits", async () => {
    const path = inFolder("go-on.safetensors");
    const through = make();
    for (let i = 0; i < 7; i++) through.step(batch);
    await saveCheckpoint(path, through, { epoch: 3, note: 'naïve "quotes" \u2028' });
    const fresh = make();
    const { metadata, tree } = await loadCheckpoint(path, fresh);
    expect(metadata).toEqual({ epoch: 3, note: 'naïve "quotes" \u2028' });
    expect(tree.step.item()).toBe(7);
    expect(fresh.steps).toBe(7);
    for (let i = 0; i < 5; i++) expect(fresh.step(batch)).toBe(through.step(batch));
    expect(fresh.model.parameters().map((p) => p.data())).toEqual(
      through.model.parameters().map((p) => p.data()),
    );
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("is the one at the time of the call", async () => {
    const path = inFolder("snapshot.safetensors");
    const t = make();
    t.step(batch);
    const wanted = t.model.parameters().map((p) => p.data());
    const saving = saveCheckpoint(path, t);
    t.step(batch);
    await saving;
    const other = make();
    await loadCheckpoint(path, other);
    expect(other.model.parameters().map((p) => p.data())).toEqual(wanted);
  });

  test("is named by the paths of its parameters", async () => {
    const path = inFolder("names.safetensors");
    await saveCheckpoint(path, make());
    const names = [...decodeCheckpoint(readFileSync(path)).tensors.keys()];
    expect(names).toContain("parameters.layers[1].kernel");
    expect(names).toContain("optimizer[0].mean.layers[0].bias");
    expect(names).toContain("step");
  });
});

test("a module is saved and loaded as what it is", async () => {
  const path = inFolder("module.safetensors");
  const model = make().model;
  await saveCheckpoint(path, model);
  const like = nn.sequential(
    [nn.dense({ units: 3, activation: "relu", inputShape: [2] }), nn.dense({ units: 1 })],
    { seed: 8 },
  );
  const { tree } = await loadCheckpoint(path, like);
  expect(tree).toBeInstanceOf(nn.Sequential);
  expect(tree.forward(batch.x).data()).toEqual(model.forward(batch.x).data());
});

describe("what cannot be loaded", () => {
  test("leaves the trainer as it was and says why", async () => {
    const path = inFolder("good.safetensors");
    await saveCheckpoint(path, make(), null);
    const good = readFileSync(path);
    const damaged = inFolder("damaged.safetensors");
    const t = make();
    t.step(batch);
    const before = t.state;
    const load = async (bytes: Uint8Array): Promise<void> => {
      writeFileSync(damaged, bytes);
      await expect(loadCheckpoint(damaged, t)).rejects.toThrow(CheckpointError);
      await expect(loadCheckpoint(damaged, t)).rejects.toThrow(damaged);
    };
    for (let length = 0; length < good.length; length += 1 + Math.floor(good.length / 60))
      await load(good.subarray(0, length));
    for (let at = 0; at < good.length; at += 1 + Math.floor(good.length / 150)) {
      const flipped = Uint8Array.from(good);
      flipped[at]! ^= 1 << (at & 7);
      await load(flipped);
    }
    await load(new Uint8Array([...good, 0]));
    expect(t.state).toEqual(before);
  });

  test("another model, another optimiser", async () => {
    const path = inFolder("other.safetensors");
    await saveCheckpoint(path, make());
    const wider = nn.sequential([nn.dense({ units: 4, inputShape: [2] }), nn.dense({ units: 1 })]);
    const loss = (): never => undefined as never;
    await expect(loadCheckpoint(path, trainer(wider, loss, adam()))).rejects.toThrow(
      /layers\[0\]\.bias.*\[4\].*\[3\]/,
    );
    await expect(
      loadCheckpoint(path, trainer(wider, loss, sgd({ learningRate: 1 }))),
    ).rejects.toThrow(/with optimizer/);
    await expect(loadCheckpoint(path, { extra: tensor(1) })).rejects.toThrow(
      /without extra and with .* and \d+ more/,
    );
  });

  test("paths that lead nowhere", async () => {
    await expect(loadCheckpoint(inFolder("nothing"), make())).rejects.toThrow(
      /cannot read .*nothing.*ENOENT/,
    );
    await expect(loadCheckpoint(folder, make())).rejects.toThrow(CheckpointError);
    await expect(loadCheckpoint("", make())).rejects.toThrow(ArgumentError);
  });
});

describe("what cannot be saved", () => {
  test("folders that are not there, and folders in place of files", async () => {
    await expect(saveCheckpoint(join(folder, "no", "x"), make())).rejects.toThrow(
      /cannot write .*ENOENT/,
    );
    mkdirSync(inFolder("taken"), { recursive: true });
    await expect(saveCheckpoint(inFolder("taken"), make())).rejects.toThrow(CheckpointError);
    await expect(saveCheckpoint(undefined as never, make())).rejects.toThrow(ArgumentError);
    await expect(saveCheckpoint(inFolder("x"), { w: 3 })).rejects.toThrow(/3 at \.w/);
    await expect(saveCheckpoint(inFolder("x"), make(), { big: 1n as never })).rejects.toThrow(
      /JSON/,
    );
    expect(existsSync(inFolder("x"))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test.skipIf(process.getuid?.() === 0 || process.platform === "win32")(
    "a folder that may not be written to keeps the old file",
    async () => {
      const closed = inFolder("closed");
      mkdirSync(closed);
      const path = join(closed, "model");
      await saveCheckpoint(path, make());
      const before = readFileSync(path);
      chmodSync(closed, 0o500);
      await expect(saveCheckpoint(path, make())).rejects.toThrow(/EACCES|EPERM/);
      chmodSync(closed, 0o700);
      expect(readFileSync(path)).toEqual(before);
    },
  );
});

test("what killed processes left behind is cleared away, what is being written is not", async () => {
  const own = mkdtempSync(join(folder, "sweep-"));
  const dead = 2 ** 22 + 7;
  const names = [
    `.m.${dead}-0.tmp`,
    `.m.${process.pid}-999.tmp`,
    `.m.${dead}-1.tmp`,
    `.other.${dead}-0.tmp`,
    ".m.txt",
  ];
  for (const name of names) writeFileSync(join(own, name), "");
  const old = new Date(Date.now() - 3_600_000);
  for (const name of names.slice(0, 2)) utimesSync(join(own, name), old, old);
  await saveCheckpoint(join(own, "m"), { w: tensor(1) });
  expect(readdirSync(own).sort()).toEqual([...names.slice(1), "m"].sort());
});

test("kill -9 at any moment loses at most the last interval, and the run ends in the same bits", async () => {
  const path = inFolder("killed.safetensors");
  const script = fileURLToPath(new URL("checkpoint-child.ts", import.meta.url));
  let saved = 0;
  /** Runs the child, killed some milliseconds after its first checkpoint, or to its end. */
  const run = (total: number, killAfter?: number): Promise<number | null> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, ["--import", "tsx", script, path, String(total)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let timer: NodeJS.Timeout | undefined;
      child.stdout.on("data", (text: Buffer) => {
        saved = Math.max(saved, ...text.toString().split("\n").map(Number));
        if (killAfter !== undefined) timer ??= setTimeout(() => child.kill("SIGKILL"), killAfter);
      });
      child.on("close", (code) => {
        clearTimeout(timer);
        resolve(code);
      });
    });
  for (let round = 0; round < 5; round++) {
    expect(await run(1_000_000, Math.random() * 60)).toBe(null);
    const t = makeTrainer();
    await loadCheckpoint(path, t);
    // What was reported as saved is there; one more may have been renamed before the kill.
    expect(t.steps).toBeGreaterThanOrEqual(saved);
    expect(t.steps).toBeLessThanOrEqual(saved + interval);
    saved = t.steps;
  }
  const total = saved + 5 * interval;
  expect(await run(total)).toBe(0);
  const finished = makeTrainer();
  await loadCheckpoint(path, finished);
  const straight = makeTrainer();
  await train(straight, total, inFolder("straight.safetensors"), () => undefined);
  expect(finished.steps).toBe(total);
  expect(finished.state).toEqual(straight.state);
}, 60_000);
