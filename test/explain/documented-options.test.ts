/** @file The tables of options on the pages about explanations are those of the schemas. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { depthCamOptions, judgeOptions, methods } from "../../src/explain/index.ts";

const page = (name: string): string =>
  readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
const shown = (fallback: string): string => (fallback === "-" ? "" : `${fallback} `);

describe("docs/explaining.md", () => {
  const text = page("explaining.md");
  const common: readonly string[] = methods.gradCam.options.names;

  test("has the options of every method", () => {
    expect(common.length).toBeGreaterThan(10);
    for (const { name, help } of methods.gradCam.options.rows())
      expect(text).toContain(`| \`${name}\` | ${help} |`);
  });

  test("has the methods' own options with their defaults, and no others", () => {
    const rows = new Map<string, string[]>();
    for (const [method, { options }] of Object.entries(methods))
      for (const { name, help, fallback } of options.rows()) {
        if (common.includes(name)) continue;
        const key = `| \`${name}\` | METHODS | ${shown(fallback)}| ${help} |`;
        rows.set(key, [...(rows.get(key) ?? []), `\`${method}\``]);
      }
    const lines = [...rows].map(([row, its]) => row.replace("METHODS", its.join(", ")));
    const table = text.slice(text.indexOf("| option | methods |")).split("\n\n")[0]!;
    expect(table.trim().split("\n").slice(2)).toEqual(lines);
  });
});

describe("docs/judging-maps.md", () => {
  const text = page("judging-maps.md");

  test("has the options of judge and depthCam with their defaults", () => {
    for (const { name, fallback, help } of judgeOptions.rows())
      expect(text).toContain(`| \`${name}\` | ${shown(fallback)}| ${help} |`);
    for (const name of ["depths", "method", "rtol", "atol"] as const) {
      const { help } = depthCamOptions.spec[name];
      expect(text).toMatch(
        new RegExp(`^\\| \`${name}\` \\|.*\\| ${help.replaceAll(".", "\\.")} \\|$`, "m"),
      );
    }
  });
});
