/** @file The pages of the documentation hold: links lead somewhere, README's imports exist. */

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { exportsOf, root } from "./exports.ts";

describe("documentation", () => {
  const pages = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    ...readdirSync(join(root, "docs"))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ];

  test.each(pages)("links of %s lead to files and headings", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, to]) => to!)
      .filter((to) => !/^[a-z]+:/.test(to))
      .filter((to) => {
        const [path, anchor] = to.split("#") as [string, string?];
        const file = path === "" ? join(root, page) : join(root, dirname(page), path);
        if (!existsSync(file)) return true;
        return anchor !== undefined && !anchorsOf(readFileSync(file, "utf8")).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  test("README imports what the package exports", () => {
    const text = readFileSync(join(root, "README.md"), "utf8");
    const imports = [...text.matchAll(/import \{([^}]+)\} from "adjoint(?:\/(\w+))?"/g)];
    expect(imports.length).toBeGreaterThan(2);
    for (const [, names, room] of imports) {
      const known = exportsOf(join(root, "src", room ?? "", "index.ts")).map(
        ({ place }) => place.split(": ")[1]!,
      );
      for (const name of names!.split(",")) {
        const plain = name.replace("type ", "").trim();
        expect(
          known.some((one) => one === plain || one.startsWith(`${plain}.`)),
          `${plain} of ${room ?? "adjoint"}`,
        ).toBe(true);
      }
    }
  });
});

/** Anchors of a page's headings, as its readers form them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replace(/\s/g, "-"),
  );
}
