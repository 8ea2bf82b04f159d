// Fits by the built program: files, determinism, forecasts, resuming after every kind of end.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { circle, folder, run, start } from "./run-cli.ts";

const here = folder({ "circle.csv": circle() });
afterAll(here.remove);

const small = ["fit", "circle.csv", "--hidden", "8", "--window", "8"];
const read = (name: string): string => readFileSync(here.at(name), "utf8");

describe("fit and predict", () => {
  beforeAll(async () => {
    const args = [...small, "--iterations", "60", "-o", "model.json", "--plot", "fit.svg"];
    const { code, stdout, stderr } = await run(args, here.path);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("wrote model.json, fit.svg, fit-phase.svg, fit-loss.svg");
    expect(stdout).toMatch(/60 iterations in [\d.]+ s \(\d+ a second\), \d+ evaluations/);
    const lines = stderr.trimEnd().split("\n");
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toMatch(
      /^fit 60\/60 \| loss \S+ \| validation \S+ \| \S+ evaluations \| \d+ it\/s$/,
    );
  });

  test("the model is readable JSON that says what it is", () => {
    const model = JSON.parse(read("model.json")) as Record<string, never>;
    expect(model["format"]).toBe("adjoint time series model");
    expect(model["timeName"]).toBe("t");
    expect(model["columns"]).toMatchObject([
      { name: "x", kind: "linear" },
      { name: "y", kind: "linear" },
    ]);
    expect(model["architecture"]).toEqual({ hidden: [8], activation: "tanh", hiddenStates: 0 });
    expect(model["training"]).toMatchObject({ seed: 0, iterations: 60 });
  });

  test("no checkpoint and no temporary file is left behind", () => {
    const names = readdirSync(here.path).filter((name) => /model|fit/.test(name));
    expect(names.sort()).toEqual(["fit-loss.svg", "fit-phase.svg", "fit.svg", "model.json"]);
  });

  test("the figures show what they should", () => {
    for (const word of ["circle", "training", "validation", "forecast", "neural ODE 2-8-2, tanh"]) {
      expect(read("fit.svg")).toContain(`>${word}</text>`);
    }
    expect(read("fit-phase.svg")).toContain("the learned vector field");
    expect(read("fit-loss.svg")).toMatch(/kept: iteration \d+/);
  });

  test("predict writes the rows asked for, forward and backward in time", async () => {
    const span = ["--from", "-1", "--to", "14", "--points", "31"];
    const { code, stdout } = await run(
      ["predict", "model.json", ...span, "-o", "f.csv"],
      here.path,
    );
    expect([code, stdout]).toEqual([0, "wrote f.csv: 31 rows\n"]);
    const [header, ...rows] = read("f.csv").trimEnd().split("\n");
    expect(header).toBe("t,x,y");
    expect(rows).toHaveLength(31);
    const numbers = rows.map((row) => row.split(",").map(Number));
    expect(numbers.flat().every(Number.isFinite)).toBe(true);
    expect(numbers.map((row) => row[0])).toEqual(Array.from({ length: 31 }, (_, i) => -1 + i / 2));
    // The same rows on standard output.
    const piped = await run(["predict", "model.json", ...span], here.path);
    expect(piped).toMatchObject({ code: 0, stdout: read("f.csv"), stderr: "" });
  });

  test("predict refuses a span that ends before it begins, and models that were tampered with", async () => {
    const span = await run(["predict", "model.json", "--from", "3", "--to", "2"], here.path);
    expect(span.code).toBe(2);
    expect(span.stderr).toContain("expected --to after --from, got 3 to 2");
    const good = read("model.json");
    const spoiled: [string, string, string][] = [
      [
        `"hidden": [\n      8`,
        `"hidden": [\n      9`,
        "weights[0]: expected shape [2,9], got [2,8]",
      ],
      [`"kind": "linear"`, `"kind": "cubic"`, "columns[0].kind: expected one of linear, log"],
      [`"float32": "`, `"float32": "AADAfw==`, "expected 16 numbers"],
      [`"deviation": `, `"deviation": -`, "columns[0].deviation: expected a finite number above 0"],
    ];
    await Promise.all(
      spoiled.map(async ([from, to, message], i) => {
        expect(good).toContain(from);
        writeFileSync(here.at(`spoiled${i}.json`), good.replace(from, to));
        const { code, stderr } = await run(["predict", `spoiled${i}.json`], here.path);
        expect(stderr).toContain(message);
        expect([code, stderr.trimEnd().split("\n").length]).toEqual([1, 1]);
      }),
    );
  });

  test("the same seed gives the same bytes, another seed others; --quiet prints nothing", async () => {
    const args = [...small, "--iterations", "12", "--quiet"];
    const [one, two, other] = await Promise.all([
      run([...args, "-o", "one.json"], here.path),
      run([...args, "-o", "two.json"], here.path),
      run([...args, "-o", "other.json", "--seed", "1"], here.path),
    ]);
    for (const outcome of [one, two, other]) {
      expect(outcome).toMatchObject({ code: 0, stdout: "", stderr: "" });
    }
    expect(read("two.json") === read("one.json")).toBe(true);
    expect(read("other.json") === read("one.json")).toBe(false);
  });

  test("--sort gives the model of the sorted file", async () => {
    const [header, ...rows] = circle().trimEnd().split("\n");
    writeFileSync(here.at("mixed.csv"), `${[header, ...rows.toReversed()].join("\n")}\n`);
    const args = ["--hidden", "8", "--iterations", "4", "--quiet"];
    await run(["fit", "circle.csv", ...args, "-o", "sorted.json"], here.path);
    await run(["fit", "mixed.csv", "--sort", ...args, "-o", "mixed.json"], here.path);
    expect(read("mixed.json") === read("sorted.json")).toBe(true);
  });
});

describe("an interrupted fit", () => {
  // Long enough to be stopped in the middle, patient enough not to stop by itself.
  const every = 100;
  const args = [
    ...small,
    "--iterations",
    "2000",
    "--patience",
    "2000",
    "--checkpoint-every",
    String(every),
  ];
  let whole = "";
  beforeAll(async () => {
    const { code, stderr } = await run([...args, "-o", "whole.json"], here.path);
    expect(code, stderr).toBe(0);
    whole = read("whole.json");
  });

  test("loses at most one interval to kill -9 and continues to the same bytes", async () => {
    const running = start([...args, "-o", "killed.json"], here.path);
    running.killAt(/fit 800\/2000/, "SIGKILL");
    const { signal, stderr } = await running.done;
    expect(signal).toBe("SIGKILL");
    expect(existsSync(here.at("killed.json"))).toBe(false);
    const reached = Math.max(...[...stderr.matchAll(/fit (\d+)\/2000/g)].map((m) => Number(m[1])));

    const resumed = await run([...args, "-o", "killed.json", "--resume"], here.path);
    expect(resumed.code, resumed.stderr).toBe(0);
    const from = Number(
      /continuing killed\.json\.checkpoint at iteration (\d+)/.exec(resumed.stdout)?.[1],
    );
    expect(from).toBeGreaterThanOrEqual(reached - every);
    expect(from % every).toBe(0);
    expect(read("killed.json") === whole).toBe(true);
  });

  test("stops at SIGINT with exit code 130 after a last checkpoint", async () => {
    const running = start([...args, "-o", "stopped.json"], here.path);
    running.killAt(/fit 400\/2000/, "SIGINT");
    const { code, stderr } = await running.done;
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /adjoint fit: interrupted at iteration \d+; --resume continues from there\n$/,
    );
    const resumed = await run([...args, "-o", "stopped.json", "--resume"], here.path);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(read("stopped.json") === whole).toBe(true);
  });

  test("does not continue from a damaged checkpoint, nor from one of another fit", async () => {
    writeFileSync(here.at("damaged.json.checkpoint"), "not a checkpoint");
    const damaged = await run([...args, "-o", "damaged.json", "--resume"], here.path);
    expect([damaged.code, damaged.stderr.trimEnd().split("\n").length]).toEqual([1, 1]);
    expect(damaged.stderr).toContain("damaged.json.checkpoint");

    const running = start([...args, "-o", "mine.json"], here.path);
    running.killAt(/fit 400\/2000/, "SIGKILL");
    await running.done;
    const other = await run([...args, "-o", "mine.json", "--seed", "3", "--resume"], here.path);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain("a checkpoint of another fit");
  });

  test("starts from the beginning where there is no checkpoint", async () => {
    const fresh = await run([...args, "-o", "fresh.json", "--resume", "--quiet"], here.path);
    expect(fresh).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(read("fresh.json") === whole).toBe(true);
  });
});
