/** @file What holds for every method of the registry. */
import { afterAll, describe, expect, test } from "vitest";
import { type Explainer, type Explanation, methods } from "../../src/explain/index.ts";
import { type Tensor, setThreads } from "../../src/index.ts";
import { type Making, chain, graph, imagesOf, nested } from "./networks.ts";

const registry = Object.entries(methods) as [string, Explainer][];
/** Options that make every method quick. */
const quick = { batchSize: 5, samples: 7, masks: 12, cells: 3, steps: 6, window: 4, stride: 3 };

/** An explanation with those of the options that the method has. */
function explained(
  method: Explainer,
  network: Parameters<Explainer>[0],
  images: Tensor,
): Explanation[] {
  const facts = method.method;
  const own = method.options.names;
  const options = Object.fromEntries(Object.entries(quick).filter(([name]) => own.includes(name)));
  return method.batch(
    network,
    images,
    facts.at === "layer" ? { ...options, layer: "last" } : options,
  );
}

function expectSame(found: Explanation, expected: Explanation, tolerance: number): void {
  expect(found.shape).toEqual(expected.shape);
  const largest = Math.max(...expected.values.map(Math.abs));
  for (const [index, value] of expected.values.entries())
    expect(Math.abs(found.values[index]! - value)).toBeLessThanOrEqual(tolerance * largest);
}

afterAll(() => setThreads(1));

describe.each(registry)("%s", (name, method) => {
  const layered = method.method.at === "layer";

  test.each([{ channels: 1 }, { channels: 3 }, { channels: 3, dtype: "float64" }] as Making[])(
    "gives a finite map that is not the same everywhere: %o",
    (making) => {
      const images = imagesOf(1, making);
      const [found] = explained(method, chain(making), images);
      expect(found!.method).toBe(name);
      expect(found!.layer).toBe(layered ? "last" : undefined);
      const isLarge = !layered || name === "guidedGradCam";
      expect(found!.shape).toEqual(isLarge ? [12, 10] : [8, 6]);
      expect(found!.values.length).toBe(found!.shape.reduce((a, b) => a * b));
      expect([...found!.values].every(Number.isFinite)).toBe(true);
      expect(new Set(found!.values).size).toBeGreaterThan(2);
      expect(found!.allNonPositive).toBe(false);
      if (method.method.relu) expect(Math.min(...found!.values)).toBeGreaterThanOrEqual(0);
    },
  );

  test("explains each image of a batch as it would alone", () => {
    const images = imagesOf(3);
    const network = chain();
    const together = explained(method, network, images);
    expect(together).toHaveLength(3);
    for (const [n, found] of together.entries())
      expectSame(found, explained(method, network, images.at(n))[0]!, 1e-5);
  });

  test("does not depend on how the network is put together", () => {
    const images = imagesOf(1);
    const [expected] = explained(method, chain(), images);
    for (const [network, layer] of [
      [graph(), "last"],
      [nested(), "encoder/last"],
    ] as const) {
      const [found] = explained(method, network, images);
      expectSame(found!, expected!, 1e-6);
      expect(found!.layer).toBe(layered ? layer : undefined);
    }
  });

  test("gives the same bits again, and on two threads", () => {
    const images = imagesOf(2);
    const first = explained(method, chain(), images);
    expect(explained(method, chain(), images)).toEqual(first);
    setThreads(2);
    try {
      expect(explained(method, chain(), images)).toEqual(first);
    } finally {
      setThreads(1);
    }
  });

  test("has a title, a source with a year, and its own name", () => {
    const { title, source } = method.method;
    expect(title.length).toBeGreaterThan(3);
    expect(source).toMatch(/\b(19|20)\d\d\b/);
    expect(method.method.name).toBe(name);
  });
});
