/** @file docs/models.md lists what the program itself says is supported. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { supportedFormats } from "../../src/models/index.ts";

test("the page lists the formats, layers, activations and operators that there are", () => {
  const page = readFileSync(new URL("../../docs/models.md", import.meta.url), "utf8");
  const { formats, layers, activations, operators } = supportedFormats();
  const rows = formats.map(
    ({ name, extensions, isWritten, description }) =>
      `| ${name} | ${extensions.join(", ")} | ${isWritten ? "read, written" : "read"} | ${description} |`,
  );
  const table = page.split("\n").filter((line) => /^\| .* \| read/.test(line));
  expect(table).toEqual(rows);
  expect(page).toContain(`\n${layers.join(", ")}\n`);
  expect(page).toContain(`with the activations ${activations.join(", ")}. `);
  const named = operators.map(({ name, note }) =>
    note === undefined ? name : `${name} (${note})`,
  );
  expect(page).toContain(`\n${named.join(", ")}\n`);
});
