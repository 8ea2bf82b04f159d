/** @file A file format: one dense layer without bias as text, a row of the kernel per line. */
import { tensor } from "../../../src/index.ts";
import { FormatError, type LoadedModel } from "../../../src/models/index.ts";
import type { Format } from "../../../src/models/format.ts";
import * as nn from "../../../src/nn/index.ts";

const magic = "dense-text\n";

export const denseText: Format = {
  name: "denseText",
  description: "one dense layer as text",
  extensions: [".dense"],
  detect: (head) => new TextDecoder().decode(head).startsWith(magic),
  async read(source) {
    const text = new TextDecoder().decode(await source.read(0, source.size));
    const rows = text
      .slice(magic.length)
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" ").map(Number));
    const units = rows[0]!.length;
    if (rows.some((row) => row.length !== units || !row.every(Number.isFinite)))
      throw new FormatError(`${source.name}: expected ${units} numbers in every row`);
    const kernelInitializer: nn.Initializer = (_key, _shape, dtype) => tensor(rows, { dtype });
    const layer = nn.dense({ units, useBias: false, kernelInitializer, inputShape: [rows.length] });
    return nn.sequential([layer]);
  },
  *write(model: LoadedModel) {
    const { kernel } = (model as nn.Sequential).layers[0] as nn.Dense;
    const rows = kernel.toArray() as number[][];
    yield new TextEncoder().encode(magic + rows.map((row) => `${row.join(" ")}\n`).join(""));
  },
};
