/** @file The examples run as written, on the built package, and compute what they say. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it, vi } from "vitest";

vi.spyOn(console, "log").mockImplementation(() => undefined);

const closeTo = (values: ArrayLike<number>, expected: number[], digits: number): void => {
  expect(values.length).toBe(expected.length);
  expected.forEach((value, index) => expect(values[index]).toBeCloseTo(value, digits));
};

const folder = mkdtempSync(join(tmpdir(), "adjoint-examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Files like MNIST's: "digit" k is stripes, one kind for each k. */
function writeDigits(part: string, count: number): void {
  const label = (i: number): number => (7 * i) % 10;
  const images = Buffer.alloc(16 + count * 784);
  images.set([0, 0, 8, 3]);
  [count, 28, 28].forEach((extent, i) => images.writeUInt32BE(extent, 4 + 4 * i));
  for (let i = 0; i < count; i++)
    for (let at = 0; at < 784; at++) {
      const [row, column, k] = [Math.floor(at / 28), at % 28, label(i)];
      const across = k < 5 ? row : column;
      images[16 + i * 784 + at] = (across + i) % (2 * (k % 5) + 4) < 2 ? 255 : 0;
    }
  const labels = Buffer.from([
    0,
    0,
    8,
    1,
    0,
    0,
    0,
    count,
    ...Array.from({ length: count }, (_, i) => label(i)),
  ]);
  writeFileSync(join(folder, `${part}-images-idx3-ubyte.gz`), gzipSync(images));
  writeFileSync(join(folder, `${part}-labels-idx1-ubyte`), labels);
}

describe("examples", () => {
  it("tensors", async () => {
    const { results } = await import("../../examples/tensors.ts");
    closeTo(results.rowSums, [Math.tanh(6) + Math.tanh(12), Math.tanh(12) + Math.tanh(26)], 5);
    expect(results.compiled).toBeCloseTo(results.value, 6);
    results.dwAgain
      .data()
      .forEach((g, i) => expect(g).toBeCloseTo(results.dw.data()[i]! * results.value, 5));
    expect(results.dx.shape).toEqual([2, 2]);
    closeTo(results.curvature, [6, 12, 18], 4);
    closeTo(results.directional, [6, 0, 0], 4);
    closeTo(results.scaled, [4, 6], 5);
    closeTo(results.clippedGradient, [0.2, -1], 6);
    expect(results.total).toBe(10);
    closeTo(results.running, [1, 3, 6, 10], 6);
    expect(results.program).toContain("kernels");
    expect(results.noise.map((n) => n.shape)).toEqual([
      [3, 2],
      [3, 2],
    ]);
    expect(results.worstError).toBeLessThan(1e-6);
  });

  it("solves", async () => {
    const { results } = await import("../../examples/solves.ts");
    closeTo(results.decay, [1, Math.exp(-1), Math.exp(-2)], 8);
    expect(results.status).toBe("success");
    expect(results.stats.evaluations).toBeGreaterThan(results.stats.accepted);
    expect(results.position).toBeCloseTo(Math.cos(3.7), 4);
    expect(results.velocity).toBeCloseTo(-Math.sin(3.7), 4);
    const decayed = Math.exp(-0.75);
    closeTo(results.gradient, [decayed, 3 * decayed, -decayed], 7);
  });

  it("training", async () => {
    const { results } = await import("../../examples/training.ts");
    expect(results.last).toBeLessThan(results.first / 3);
    expect(results.model.net).toBeDefined();
  });

  it("odenet-mnist: the paper's networks, trained on digits from files", async () => {
    const { main } = await import("../../examples/odenet-mnist.ts");
    const { OdeNet, ResNet } = await import("../../examples/mnist/networks.ts");
    writeDigits("train", 50);
    writeDigits("t10k", 20);
    const run = (model: string, ...more: string[]): ReturnType<typeof main> =>
      main([
        "--data",
        folder,
        "--model",
        model,
        "--filters",
        "16",
        "--batch-size",
        "16",
        "--augment",
        "0",
        ...more,
      ]);
    const odenet = await run("odenet", "--epochs", "2", "--out", join(folder, "out"));
    expect(odenet.rows.map(({ epoch }) => epoch)).toEqual([1, 2]);
    for (const { forward, backward, metrics } of odenet.rows) {
      // A step of dopri5 is six evaluations, after two for the first step's size.
      expect(forward).toBeGreaterThanOrEqual(8);
      expect(backward).toBeGreaterThanOrEqual(8);
      expect(metrics["accuracy"]).toBeGreaterThanOrEqual(0);
    }
    expect(existsSync(join(folder, "out", "odenet.safetensors"))).toBe(true);
    expect(existsSync(join(folder, "out", "odenet.json"))).toBe(true);
    const resnet = await run("resnet", "--epochs", "40", "--learning-rate", "0.01");
    expect(resnet.rows.at(-1)!.loss).toBeLessThan(resnet.rows[0]!.loss / 2);
    expect(resnet.rows.at(-1)!.metrics["accuracy"]).toBeGreaterThan(0.5);
    expect(resnet.rows[0]!.forward).toBe(0);
    const setting = { tolerance: 1e-3, gradient: "adjoint", onStats: () => undefined } as const;
    expect(new OdeNet(64, 0, setting).parameterCount).toBe(208_266);
    expect(new ResNet(64, 0).parameterCount).toBe(576_778);
    // What was kept is enough to go on: all epochs are done, none is made again.
    const again = await run("odenet", "--epochs", "2", "--out", join(folder, "out"), "--resume");
    expect(again.rows).toEqual([]);
    expect(again.accuracy).toBeCloseTo(odenet.accuracy, 10);
    const hurried = await run("resnet", "--epochs", "1000", "--minutes", "0.005");
    expect(hurried.rows.length).toBeLessThan(1000);
    expect(hurried.accuracy).toBeGreaterThanOrEqual(0);
    await expect(run("vgg")).rejects.toThrow(/odenet or resnet/);
    await expect(main(["--data", join(folder, "out")])).rejects.toThrow(/no file like/);
  });

  it("figure-1: both networks learn the task, and are drawn", async () => {
    const { main } = await import("../../examples/figure-1.ts");
    const png = join(folder, "figure.png");
    const { losses, panels, svg } = await main(["--steps", "600", "--out", png]);
    // The task's variance is 6.6.
    for (const loss of losses) expect(loss).toBeLessThan(1);
    const [discrete, continuous] = panels;
    expect(discrete!.paths[0]!.curve.map(({ depth }) => depth)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(continuous!.paths.length).toBe(21);
    const ends = continuous!.paths.map(({ curve }) => curve.at(-1)!.hidden);
    // Ways of a flow never cross.
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    expect(svg.startsWith("<svg")).toBe(true);
    expect(svg).not.toContain("NaN");
    expect(existsSync(png)).toBe(true);
  });

  it("train-shapes: both networks, the second from the first's beginnings", async () => {
    const { main } = await import("../../examples/train-shapes.ts");
    const out = join(folder, "assets");
    const accuracies = await main(["--images", "48", "--epochs", "1", "--out", out, "--quiet"]);
    expect(Object.keys(accuracies)).toEqual(["cnn", "odenet"]);
    for (const name of ["cnn", "odenet"])
      expect(existsSync(join(out, `shapes-${name}.safetensors`))).toBe(true);
    await expect(main(["--network", "rnn"])).rejects.toThrow(/cnn, odenet or both/);
  });

  it("judge-shapes: rows for methods and baselines", async () => {
    const { main } = await import("../../examples/judge-shapes.ts");
    const { rows, likenesses } = await main([
      "--images",
      "4",
      "--randomisation-images",
      "2",
      "--methods",
      "gradCam,saliency",
      "--quiet",
    ]);
    expect(rows.map(({ method }) => method)).toEqual(["Grad-CAM", "Saliency", "random", "centre"]);
    const [cam, , chance] = rows;
    expect(cam!.insertion).toBeGreaterThan(chance!.insertion);
    expect(cam!.pointing).toBeGreaterThanOrEqual(0.75);
    expect(Math.abs(likenesses[0]!.all)).toBeLessThan(0.9);
    await expect(main(["--methods", "gradcam"])).rejects.toThrow(/no method gradcam/);
  });

  it("depth-cam: a strip and an animation", async () => {
    const { main } = await import("../../examples/depth-cam.ts");
    const { svg, gif } = await main(["--places", "12", "--frames", "3", "--out", folder]);
    // Pictures inside are letters of all kinds.
    const drawn = svg.replace(/base64,[^"]*/g, "");
    expect(drawn).toContain("t = 0.75");
    expect(drawn).not.toContain("NaN");
    expect(String.fromCharCode(...gif.subarray(0, 6))).toBe("GIF89a");
    expect(existsSync(join(folder, "depth-cam.png"))).toBe(true);
  });
});
