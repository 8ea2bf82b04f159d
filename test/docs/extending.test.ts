/** @file Adding anything takes at most two files: the table of docs/extending.md is held against the sources. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./exports.ts";

const page = readFileSync(join(root, "docs/extending.md"), "utf8");
const rows = page
  .split(/^## /m)[0]!
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (to add|---)/.test(line))
  .map((line) => line.slice(2, -2).split(" | "));

test.each(["a solver", "a layer", "a file format", "a command", "a method of explanation"])(
  "the table says how to add %s",
  (kind) => expect(rows.map(([name]) => name)).toContain(kind),
);

test.each(rows)("to add %s takes at most two files of the sources", (_, write, register = "") => {
  const places = [...`${write} ${register}`.matchAll(/`((?:src|bench)\/[^`]+)`/g)].map(
    ([, place]) => place!,
  );
  expect(new Set(places).size).toBeLessThanOrEqual(2);
  for (const place of places)
    expect(existsSync(join(root, place.replace(/[^/]*<.*$/, ""))), place).toBe(true);
});
