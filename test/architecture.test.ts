// Holds the table of rooms: which room of src/ may import which, and the house numbers
// (no cycles, file lengths, purpose comments, no Node in the library). Every offence is listed.

import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type Node, parseSync } from "oxc-parser";
import { describe, expect, test } from "vitest";

/** Room -> rooms it may import. A room may always import itself and `base`. */
const rooms: Record<string, readonly string[]> = {
  base: [],
  ir: [],
  ops: ["ir"],
  autodiff: ["ir", "ops"],
  backend: ["ir"],
  compile: ["ir", "ops", "backend"],
  ode: ["ir", "ops", "autodiff", "compile"],
  nn: ["ir", "ops", "autodiff", "backend", "compile", "ode"],
  optim: ["ir", "ops", "autodiff", "backend", "compile", "nn"],
  models: ["ir", "ops", "autodiff", "compile", "nn"],
  series: ["ir", "ops", "autodiff", "compile", "ode", "nn", "optim"],
  explain: ["ir", "ops", "autodiff", "backend", "compile", "ode", "nn", "optim", "models"],
  shapes: ["ir", "ops", "compile", "nn", "models"],
};
/** What `src/index.ts`, the entrance of the core, re-exports. */
const indexMayImport = ["base", "ir", "ops", "autodiff", "backend", "compile"];
/** What `src/cli` imports of the library, apart from `base` and schemas: the files the package exports, nothing behind them. */
const publicEntrances = [
  "src/index.ts",
  ...["ode", "nn", "optim", "series", "models", "explain", "shapes"].map(
    (r) => `src/${r}/index.ts`,
  ),
];
/** Packages that rooms other than the command line may import: parsers and encoders that others keep well. */
const packages: Record<string, readonly string[]> = {
  models: ["fast-png", "fflate", "jpeg-js", "pbf"],
  explain: ["@resvg/resvg-wasm", "d3-scale-chromatic", "gifenc"],
};
/** Files outside src/cli that may use Node's own modules. */
const nodeAllowed = /^src\/base\/node\//;
const longTables = /(^|\/)(tableaus|[\w-]+-tables)(\.ts$|\/)/;
const hardCap = 500;

interface Source {
  readonly path: string; // posix, from the repository's root
  readonly lines: number;
  readonly hasPurpose: boolean;
  readonly onlyReexports: boolean;
  readonly imports: readonly string[];
}

/** Every module specifier in a syntax tree: import, export ... from, import(), import types, import = require(). */
function specifiers(node: unknown, found: string[] = []): string[] {
  if (Array.isArray(node)) for (const child of node) specifiers(child, found);
  else if (typeof node === "object" && node !== null) {
    const { type } = node as Node;
    const record = node as Record<string, unknown>;
    const from = type === "TSExternalModuleReference" ? record["expression"] : record["source"];
    if (
      /^(Import(Declaration|Expression)|Export(Named|All)Declaration|TSImportType|TSExternalModuleReference)$/.test(
        type,
      )
    ) {
      const value = (from as { value?: unknown } | null)?.value;
      if (typeof value === "string") found.push(value);
      else if (from) found.push("(computed)");
    }
    for (const child of Object.values(record)) specifiers(child, found);
  }
  return found;
}

function parse(path: string, text: string): Source {
  const { program, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`);
  const first = comments[0];
  const afterShebang = program.hashbang ? program.hashbang.end : 0;
  const opens = first !== undefined && text.slice(afterShebang, first.start).trim() === "";
  return {
    path,
    lines: text.trimEnd().split("\n").length,
    hasPurpose: opens && first.value.replace(/[*\s]+/g, " ").trim().length >= 20,
    onlyReexports: program.body.every(
      (s) =>
        s.type === "ExportAllDeclaration" ||
        (s.type === "ExportNamedDeclaration" && s.source !== null) ||
        (s.type === "ImportDeclaration" && s.specifiers.length === 0),
    ),
    imports: specifiers(program.body),
  };
}

const roomOf = (path: string): string => path.split("/")[1]!;
const isRelative = (specifier: string): boolean => specifier.startsWith(".");
const target = (from: string, specifier: string): string =>
  posix.normalize(posix.join(posix.dirname(from), specifier));

/** Imports that the table does not allow, as "file -> file: why". */
function importOffences(sources: readonly Source[]): string[] {
  const known = new Set(sources.map((s) => s.path));
  const offences: string[] = [];
  /** `base`, and a room's schemas of options if they import nothing else: help is made from them before any engine is loaded. */
  const isLight = (path: string): boolean =>
    roomOf(path) === "base" ||
    (/^src\/\w+\/options\.ts$/.test(path) &&
      sources.find((s) => s.path === path)!.imports.every((i) => i.startsWith("../base/")));
  for (const { path, imports } of sources) {
    const room = roomOf(path);
    const allowed = room === "index.ts" ? indexMayImport : rooms[room];
    if (!allowed && room !== "cli") offences.push(`${path}: "${room}" is not a room of the table`);
    for (const specifier of imports) {
      const say = (why: string): number => offences.push(`${path} -> ${specifier}: ${why}`);
      if (specifier === "(computed)") say("an import that cannot be read from the source");
      else if (specifier.startsWith("node:")) {
        if (room !== "cli" && !nodeAllowed.test(path)) say("Node's modules belong to src/cli");
      } else if (!isRelative(specifier)) {
        if (room !== "cli" && !packages[room]?.includes(specifier))
          say(`not among the packages of "${room}"`);
      } else {
        const to = target(path, specifier);
        if (!known.has(to)) say("no such file in src (imports end in .ts)");
        else if (roomOf(to) === room) continue;
        else if (room === "cli" && !publicEntrances.includes(to) && !isLight(to)) {
          say(`cli imports only base, schemas of options, ${publicEntrances.join(", ")}`);
        } else if (allowed && roomOf(to) !== "base" && !allowed.includes(roomOf(to))) {
          say(`${room} may import ${allowed.join(", ") || "no other room"}`);
        }
      }
    }
  }
  return offences;
}

/** Import cycles between files, each once, as "a -> b -> a" (Tarjan's strongly connected components). */
function cycles(sources: readonly Source[]): string[] {
  const edges = new Map(
    sources.map((s) => [s.path, s.imports.filter(isRelative).map((i) => target(s.path, i))]),
  );
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[] = [];
  const visit = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.get(path)!);
    stack.push(path);
    for (const next of edges.get(path) ?? []) {
      if (next === path) found.push(`${path} -> ${path}`);
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(path, Math.min(low.get(path)!, low.get(next)!));
    }
    if (low.get(path) !== index.get(path)) return;
    const component = stack.splice(stack.indexOf(path));
    if (component.length > 1) found.push(shortestLoop(component, edges));
  };
  for (const { path } of sources) if (!index.has(path)) visit(path);
  return found;
}

/** A shortest way from a component's first file back to itself. */
function shortestLoop(component: readonly string[], edges: Map<string, string[]>): string {
  const start = component[0]!;
  const queue: string[][] = [[start]];
  const seen = new Set<string>();
  for (let way = queue.shift(); way; way = queue.shift()) {
    for (const next of edges.get(way.at(-1)!) ?? []) {
      if (next === start) return [...way, start].join(" -> ");
      if (component.includes(next) && !seen.has(next)) {
        seen.add(next);
        queue.push([...way, next]);
      }
    }
  }
  return component.join(" -> ");
}

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

function readFolder(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile() && /\.[cm]?tsx?$/.test(e.name))
    .map((e) => join(e.parentPath, e.name))
    .map((file) => parse(relative(root, file).split(sep).join("/"), readFileSync(file, "utf8")))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

describe("architecture", () => {
  const src = readFolder("src");

  test("rooms import only the rooms the table allows", () => {
    expect(importOffences(src)).toEqual([]);
  });

  test("nothing that reaches results calls mathematics of the JavaScript engine", () => {
    // Engines differ in the last digits. Pictures may; the slow backend is there to be compared with, to a tolerance.
    const own = src.filter(({ path }) => !/^src\/(backend\/interp|cli\/plot)\//.test(path));
    const engine =
      /(?<![*/] .*)Math\.(exp|log|pow|a?sinh?|a?cosh?|a?tanh?|atan2|expm1|log1p|log2|log10|cbrt|hypot|random)\b/;
    const offences = own.flatMap(({ path }) =>
      readFileSync(join(root, path), "utf8")
        .split("\n")
        .filter((line) => engine.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(offences).toEqual([]);
  });

  test("no import cycle between files", () => {
    expect(cycles(src)).toEqual([]);
  });

  test(`no file above ${hardCap} lines, tables of coefficients aside`, () => {
    const all = [...src, ...readFolder("test"), ...readFolder("bench")];
    const long = all.filter((s) => s.lines > hardCap && !longTables.test(s.path));
    expect(long.map((s) => `${s.path}: ${s.lines} lines`)).toEqual([]);
  });

  test("every file of src opens with a comment that states its purpose", () => {
    expect(src.filter((s) => !s.hasPurpose).map((s) => s.path)).toEqual([]);
  });

  test("src/index.ts holds re-exports only", () => {
    expect(src.filter((s) => s.path === "src/index.ts").map((s) => s.onlyReexports)).toEqual([
      true,
    ]);
  });
});

describe("the architecture test itself can fail", () => {
  const purpose = "// A file with a purpose of its own.\n";
  const fake = (files: Record<string, string>): Source[] =>
    Object.entries(files).map(([path, text]) => parse(path, purpose + text));

  test("on imports up the table, however they are written", () => {
    const offences = importOffences(
      fake({
        "src/ode/solve.ts": "export const x: number = 1;",
        "src/index.ts": 'export * from "./ode/solve.ts";',
        "src/ir/a.ts": 'import type { X } from "../ode/solve.ts"; export type Y = X;',
        "src/ir/b.ts": 'export const y = (): unknown => import("../ode/solve.ts");',
        "src/ir/c.ts": 'export type Z = import("../ode/solve.ts").Z;',
        "src/ops/d.ts": 'export { readFileSync } from "node:fs";',
        "src/nn/e.ts": 'import "left-pad"; import "../ode/solve.js";',
        "src/cli/f.ts": 'import { x } from "../ode/solve.ts"; import "node:fs"; x;',
        "src/attic/g.ts": "",
        "src/nn/fine.ts": 'import "../ode/solve.ts"; // import "../cli/f.ts"',
      }),
    );
    expect(offences.map((o) => o.split(":")[0])).toEqual([
      "src/index.ts -> ./ode/solve.ts",
      "src/ir/a.ts -> ../ode/solve.ts",
      "src/ir/b.ts -> ../ode/solve.ts",
      "src/ir/c.ts -> ../ode/solve.ts",
      "src/ops/d.ts -> node",
      "src/nn/e.ts -> left-pad",
      "src/nn/e.ts -> ../ode/solve.js",
      "src/cli/f.ts -> ../ode/solve.ts",
      "src/attic/g.ts",
    ]);
  });

  test("on cycles, type imports included", () => {
    const files = fake({
      "src/ir/a.ts": 'import "./b.ts";',
      "src/ir/b.ts": 'import "./c.ts"; import "./d.ts";',
      "src/ir/c.ts": 'import type { A } from "./a.ts"; export type C = A;',
      "src/ir/d.ts": "",
    });
    expect(cycles(files)).toHaveLength(1);
    expect(cycles(files)[0]!.split(" -> ").toSorted()).toHaveLength(4);
    expect(cycles(files.slice(0, 2))).toEqual([]);
  });

  test("on a missing purpose and on code in the entrance", () => {
    expect(
      parse("src/ir/a.ts", "export const a: number = 1; // a number of great importance")
        .hasPurpose,
    ).toBe(false);
    expect(parse("src/ir/a.ts", "// todo\nexport const a: number = 1;").hasPurpose).toBe(false);
    expect(
      parse("src/ir/a.ts", "#!/usr/bin/env node\n// Starts the command line.\n").hasPurpose,
    ).toBe(true);
    expect(parse("src/index.ts", "export const a: number = 1;").onlyReexports).toBe(false);
    expect(parse("src/index.ts", 'export type { T } from "./t.ts";').onlyReexports).toBe(true);
  });
});
