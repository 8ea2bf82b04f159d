/** @file Settings of layers in files that make no sense: whatever a file says of any layer, it is a network or a FormatError. */
import { expect, test } from "vitest";
import { FormatError } from "../../src/models/index.ts";
import { readTopology } from "../../src/models/keras/topology.ts";
import { writeTopology } from "../../src/models/keras/write.ts";
import * as nn from "../../src/nn/index.ts";
import { layerCases } from "../nn/layer-cases.ts";

/** What JSON can hold that few settings are. */
const strange = [
  { length: 1e9 },
  [{ length: 1e9 }],
  { length: -1 },
  1e15,
  [[1e15, 1e15]],
  -1,
  0,
  "x",
  "__proto__",
  [],
  [null],
  true,
];

interface Described {
  readonly config: { readonly layers: { readonly config: Record<string, unknown> }[] };
}

/** The layer in a chain, as files describe it; undefined for functions, which they cannot. */
function described(layer: nn.Module, inputShape: readonly number[]): Described | undefined {
  try {
    const model = nn.sequential([layer as never], { inputShape });
    return writeTopology("test", model as never) as unknown as Described;
  } catch (cause) {
    if (cause instanceof FormatError) return undefined;
    throw cause;
  }
}

for (const [kind, [first]] of Object.entries(layerCases))
  test(kind, () => {
    const { make, sample } = first!;
    const topology = described(make({}), sample as readonly number[]);
    if (topology === undefined) return;
    for (const setting of Object.keys(topology.config.layers.at(-1)!.config))
      for (const value of strange) {
        const other = structuredClone(topology);
        other.config.layers.at(-1)!.config[setting] = value;
        try {
          expect(readTopology("test", other).layers.length).toBeGreaterThan(0);
        } catch (cause) {
          expect(cause, `${setting}: ${JSON.stringify(value)}`).toBeInstanceOf(FormatError);
        }
      }
  });
