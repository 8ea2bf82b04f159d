/** @file What the entrances export, with the documentation that stands before each declaration. */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type Comment, type Statement, parseSync } from "oxc-parser";

/** The folder of the repository. */
export const root: string = join(dirname(fileURLToPath(import.meta.url)), "../..");

const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, unknown>>;
};

/** The sources of the package's entrances. */
export const entrances: readonly string[] = Object.keys(exports)
  .filter((name) => !name.endsWith(".json"))
  .map((name) => join(root, "src", name, "index.ts"));

/** One public name. */
export interface Exported {
  /** File and name, the name with the namespaces that it lies in. */
  readonly place: string;
  /** The text of the comment before the declaration; empty where there is none. */
  readonly doc: string;
  readonly kind: "function" | "class" | "type" | "value";
  /** Whether it is a function whose own body throws. */
  readonly throws: boolean;
  /** Whether it is a function that gives something back. */
  readonly returns: boolean;
}

type Declared = Omit<Exported, "place">;

interface Module {
  readonly declared: Map<string, Declared>;
  /** Names brought in from elsewhere: exported name -> file and its name there ("*": the module as an object). */
  readonly borrowed: Map<string, { readonly file: string; readonly name: string }>;
  readonly wholes: string[];
}

type Named = { readonly name?: string; readonly value?: string };
const nameOf = (node: unknown): string => (node as Named).name ?? (node as Named).value ?? "";

const modules = new Map<string, Module>();

function read(file: string): Module {
  const known = modules.get(file);
  if (known) return known;
  const text = readFileSync(file, "utf8");
  const { program, comments } = parseSync(file, text);
  const module: Module = { declared: new Map(), borrowed: new Map(), wholes: [] };
  modules.set(file, module);
  const imported = new Map<string, { file: string; name: string }>();
  const there = (source: string): string => join(dirname(file), source);
  const declare = (name: string, statement: Statement, kind: Exported["kind"]): void => {
    const source = text.slice(statement.start, statement.end);
    const known = module.declared.get(name);
    module.declared.set(name, {
      // Overloads share the first one's comment.
      doc: docBefore(text, comments, statement.start) || (known?.doc ?? ""),
      kind,
      throws: kind === "function" && /\bthrow\b/.test(source),
      returns:
        kind === "function" && !/\)\s*(?::|=>)\s*(?:void|never|Promise<void>)\b/.test(source),
    });
  };
  for (const statement of program.body) {
    if (statement.type === "ImportDeclaration")
      for (const specifier of statement.specifiers)
        imported.set(specifier.local.name, {
          file: there(statement.source.value),
          name: specifier.type === "ImportSpecifier" ? nameOf(specifier.imported) : "*",
        });
    else if (statement.type === "ExportAllDeclaration") {
      const from = there(statement.source.value);
      if (statement.exported)
        module.borrowed.set(nameOf(statement.exported), { file: from, name: "*" });
      else module.wholes.push(from);
    } else if (statement.type === "ExportNamedDeclaration") {
      const { declaration } = statement;
      if (declaration && "declarations" in declaration)
        for (const { id, init } of declaration.declarations)
          declare(
            nameOf(id),
            statement,
            init?.type === "ArrowFunctionExpression" ? "function" : "value",
          );
      else if (declaration && "id" in declaration && declaration.id)
        declare(nameOf(declaration.id), statement, kinds[declaration.type] ?? "type");
      for (const specifier of statement.specifiers) {
        const local = nameOf(specifier.local);
        const from = statement.source
          ? { file: there(statement.source.value), name: local }
          : (imported.get(local) ?? { file, name: local });
        module.borrowed.set(nameOf(specifier.exported), from);
      }
    }
  }
  return module;
}

const kinds: Readonly<Record<string, Exported["kind"]>> = {
  FunctionDeclaration: "function",
  TSDeclareFunction: "function",
  ClassDeclaration: "class",
};

/** The last comment of documentation before a place, if nothing but line comments stands between; "" otherwise. */
function docBefore(text: string, comments: readonly Comment[], start: number): string {
  const found = comments.findLast(
    ({ type, value, end }) =>
      type === "Block" &&
      value.startsWith("*") &&
      !/^\*\s*(\*\s*)?@file/.test(value) &&
      end <= start &&
      text
        .slice(end, start)
        .replace(/\/\/.*/g, "")
        .trim() === "",
  );
  return (found?.value ?? "").replace(/^\s*\*+ ?/gm, "").trim();
}

/** Every name that a module exports. */
export function exportsOf(file: string, prefix = ""): Exported[] {
  const module = read(file);
  const own = [...module.declared].map(([name, declared]) => ({
    place: `${relative(root, file)}: ${prefix}${name}`,
    ...declared,
  }));
  const borrowed = [...module.borrowed].flatMap(([name, from]) => {
    if (from.name === "*") return exportsOf(from.file, `${prefix}${name}.`);
    return exportsOf(from.file, prefix).filter(({ place }) =>
      place.endsWith(` ${prefix}${from.name}`),
    );
  });
  return [...own, ...borrowed, ...module.wholes.flatMap((whole) => exportsOf(whole, prefix))];
}
