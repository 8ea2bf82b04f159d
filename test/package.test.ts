/** @file The built package: entrances share their modules, load few files, and find their assets. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import * as core from "adjoint";
import { ExplainError } from "adjoint/explain";
import { FormatError } from "adjoint/models";
import * as nn from "adjoint/nn";
import { odeint } from "adjoint/ode";
import { CheckpointError } from "adjoint/optim";
import { trainedShapesNetwork } from "adjoint/shapes";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
};
const entrances = Object.values(exports).flatMap((to) =>
  typeof to === "string" ? [] : to.default,
);

/** The files that importing one loads, without those that are asked for later. */
function loaded(path: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const imports = readFileSync(path, "utf8").matchAll(
    /^(?:import|\} from|export .* from) ?"(\..*?)";/gm,
  );
  for (const [, to] of imports) loaded(join(dirname(path), to!), seen);
  return seen;
}

describe("the built package", () => {
  test("has one copy of each module, whatever entrance it is reached by", () => {
    for (const error of [ExplainError, FormatError, CheckpointError])
      expect(error.prototype).toBeInstanceOf(core.AdjointError);
    const layer = nn.dense({ units: 1, inputShape: [1], kernelInitializer: "ones" });
    const y = odeint((_t, x) => layer.forward(x), core.tensor([[1]]), [0, 1]);
    expect(y).toBeInstanceOf(core.Tensor);
    expect(y.data()[1]).toBeCloseTo(Math.E, 5);
  });

  // Node takes about half a millisecond of CPU to import a file; the core took three times as long as one file for each source.
  test.each(entrances)("%s starts from few files", (entrance) => {
    const files = loaded(join(root, entrance));
    expect(files.size).toBeGreaterThan(1);
    expect(files.size).toBeLessThanOrEqual(20);
  });

  test("keeps the names of classes, which errors and summaries show", () => {
    const words = new Set(
      readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".ts"))
        .flatMap((path) => readFileSync(join(root, "src", path), "utf8").match(/\w+/g) ?? []),
    );
    for (const path of readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" })) {
      if (!path.endsWith(".js")) continue;
      const code = readFileSync(join(root, "dist", path), "utf8").replaceAll(
        /^ *(\/\/|\*).*$/gm,
        "",
      );
      for (const name of code.match(/(?<=^class |^var )\w+(?= (?:= class|extends|\{))/gm) ?? [])
        expect(words, `${path}: class ${name}`).toContain(name);
    }
  });

  test("finds the files that come with it", async () => {
    const network = await trainedShapesNetwork("cnn");
    expect(network.layers.length).toBeGreaterThan(3);
  });
});
