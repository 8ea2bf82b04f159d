// The documentation holds: every public export is documented, links lead somewhere, README's imports exist.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type Comment, parseSync } from "oxc-parser";
import { describe, expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const entrances = [
  "index.ts",
  "ode/index.ts",
  "nn/index.ts",
  "optim/index.ts",
  "models/index.ts",
  "explain/index.ts",
].map((file) => join(root, "src", file));

interface Declared {
  readonly name: string;
  readonly documented: boolean;
}

interface Module {
  readonly declared: Map<string, Declared>;
  /** Names brought in from elsewhere: exported name -> file and its name there ("*": the module as an object). */
  readonly borrowed: Map<string, { readonly file: string; readonly name: string }>;
  readonly wholes: readonly string[];
}

type Named = { readonly name?: string; readonly value?: string };
const nameOf = (node: Named): string => node.name ?? node.value ?? "";

const modules = new Map<string, Module>();

function read(file: string): Module {
  const known = modules.get(file);
  if (known) return known;
  const text = readFileSync(file, "utf8");
  const { program, comments } = parseSync(file, text);
  const documented = (start: number): boolean =>
    comments.some(
      (comment: Comment) =>
        comment.type === "Block" &&
        comment.value.startsWith("*") &&
        !/^\*\s*(\*\s*)?@file/.test(comment.value) &&
        comment.end <= start &&
        text
          .slice(comment.end, start)
          .replace(/\/\/.*/g, "")
          .trim() === "",
    );
  const module: Module = { declared: new Map(), borrowed: new Map(), wholes: [] };
  modules.set(file, module);
  const wholes = module.wholes as string[];
  const imported = new Map<string, { file: string; name: string }>();
  const there = (source: string): string => join(dirname(file), source);
  for (const statement of program.body) {
    if (statement.type === "ImportDeclaration")
      for (const specifier of statement.specifiers)
        imported.set(specifier.local.name, {
          file: there(statement.source.value),
          name: specifier.type === "ImportSpecifier" ? nameOf(specifier.imported as Named) : "*",
        });
    else if (statement.type === "ExportAllDeclaration") {
      const from = there(statement.source.value);
      if (statement.exported)
        module.borrowed.set(nameOf(statement.exported as Named), { file: from, name: "*" });
      else wholes.push(from);
    } else if (statement.type === "ExportNamedDeclaration") {
      const { declaration } = statement;
      const has = documented(statement.start);
      if (declaration && "declarations" in declaration)
        for (const { id } of declaration.declarations)
          module.declared.set((id as Named).name!, { name: (id as Named).name!, documented: has });
      else if (declaration && "id" in declaration && declaration.id) {
        const name = (declaration.id as Named).name!;
        // Overloads share the first one's comment.
        const before = module.declared.get(name)?.documented ?? false;
        module.declared.set(name, { name, documented: has || before });
      }
      for (const specifier of statement.specifiers) {
        const local = nameOf(specifier.local as Named);
        const from = statement.source
          ? { file: there(statement.source.value), name: local }
          : (imported.get(local) ?? { file, name: local });
        module.borrowed.set(nameOf(specifier.exported as Named), from);
      }
    }
  }
  return module;
}

/** Every name that a module exports, with the place of its declaration and whether a comment stands before it. */
function exportsOf(file: string, prefix = ""): { place: string; documented: boolean }[] {
  const module = read(file);
  const own = [...module.declared.values()].map(({ name, documented }) => ({
    place: `${relative(root, file)}: ${prefix}${name}`,
    documented,
  }));
  const borrowed = [...module.borrowed].flatMap(([name, from]) => {
    if (from.name === "*") return exportsOf(from.file, `${prefix}${name}.`);
    return exportsOf(from.file, prefix).filter(({ place }) =>
      place.endsWith(` ${prefix}${from.name}`),
    );
  });
  return [...own, ...borrowed, ...module.wholes.flatMap((whole) => exportsOf(whole, prefix))];
}

describe("documentation", () => {
  test.each(entrances)("every export of %s has a docstring", (entrance) => {
    const all = exportsOf(entrance);
    expect(all.length).toBeGreaterThan(15);
    expect(all.filter(({ documented }) => !documented).map(({ place }) => place)).toEqual([]);
  });

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
