// Laws of declared layers: every option refuses what its kind does not accept, and the manual's table says what declarations say.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../src/index.ts";
import type { Declaration } from "../../src/nn/declare.ts";
import type * as nn from "../../src/nn/index.ts";
import * as layers from "../../src/nn/layers/index.ts";
import { layerCases } from "./layer-cases.ts";

interface Declared {
  new (options: object): nn.AnyLayer;
  readonly declaration: Declaration;
}
const declared = Object.values(layers).filter(
  (Class): Class is typeof Class & Declared => "declaration" in Class,
) as unknown as readonly Declared[];

/** Without those whose constructors take more than options. */
const byOptions = declared.filter(
  ({ declaration }) => !["residual", "odeBlock"].includes(declaration.kind),
);
/** Options that hold what other options gave. */
const derived = new Set(["constants"]);

test("every declared layer has a function of its kind, and a class of its own", () => {
  const factories = layers as unknown as Record<string, unknown>;
  expect(declared.length).toBeGreaterThan(40);
  expect(new Set(declared.map(({ declaration }) => declaration.kind)).size).toBe(declared.length);
  for (const { declaration } of declared)
    expect(factories[declaration.kind], declaration.kind).toBeTypeOf("function");
});

describe.each(byOptions.map((Class) => [Class.declaration.kind, Class] as const))(
  "%s",
  (kind, Class) => {
    const { options } = Class.declaration;
    const needed = Object.fromEntries(
      options.names.filter((name) => options.spec[name]!.needed).map((name) => [name, undefined]),
    );

    test("names the layer, the option, what it expects and what came", () => {
      let refused = 0;
      for (const name of options.names) {
        // A symbol is a value of no kind; kinds that take anything check it where it is used.
        const wrong = Symbol("wrong");
        const good = valid(kind) as Record<string, unknown>;
        try {
          // oxlint-disable-next-line no-new
          new Class({ ...needed, ...good, [name]: wrong, name: "it" });
        } catch (error) {
          refused++;
          expect(error).toBeInstanceOf(ArgumentError);
          expect((error as Error).message).toContain(`${kind} "it": ${name}: expected `);
          expect((error as Error).message).toContain(options.spec[name]!.kind.expected);
        }
      }
      const checked = options.names.filter((name) => !derived.has(name));
      expect(refused).toBe(checked.length);
    });

    test("refuses options it does not have, and lists those it has", () => {
      let message = "";
      try {
        // oxlint-disable-next-line no-new
        new Class({ ...valid(kind), nonsense: 1 });
      } catch (error) {
        expect(error).toBeInstanceOf(ArgumentError);
        ({ message } = error as Error);
      }
      for (const name of [...options.names, "inputShape", "trainable", '"nonsense"'])
        expect(message).toContain(name);
    });

    test("tells of every option what it does, in one line", () => {
      for (const { name, help, expected } of options.rows()) {
        expect(help, `${kind}: ${name}`).toMatch(/^\S.*\S$/);
        expect(expected).not.toBe("");
      }
    });
  },
);

/** Settings of the layer's first case that are needed to make it. */
function valid(kind: string): object {
  const [first] = layerCases[kind] ?? [];
  const made = first?.make({});
  const Class = declared.find(({ declaration }) => declaration.kind === kind)!;
  const { names, spec } = Class.declaration.options;
  return Object.fromEntries(
    names.flatMap((name) =>
      spec[name]!.needed ? [[name, (made as unknown as Record<string, unknown>)[name]]] : [],
    ),
  );
}

test("the table of layers in docs/convolutional-networks.md says what the declarations say", () => {
  const page = readFileSync("docs/convolutional-networks.md", "utf8");
  const table = new Map(
    [...page.matchAll(/^\| `(\w+)` \| (.*?) \| .* \|$/gm)].map(([, kind, cell]) => [kind!, cell!]),
  );
  const unsaid = new Set(["dataFormat", "constants", "solver"]);
  const cellOf = ({ options }: Declaration): string =>
    options
      .rows()
      .filter(({ name }) => !unsaid.has(name))
      .map(({ name, fallback }) => {
        if (fallback === "required") return `**\`${name}\`**`;
        return fallback === "-" ? `\`${name}\`` : `\`${name}\` (${fallback})`;
      })
      .join(", ") || "-";
  const expected = declared.map(({ declaration }) => [declaration.kind, cellOf(declaration)]);
  expect(expected.map(([kind]) => [kind, table.get(kind!)])).toEqual(expected);
});
