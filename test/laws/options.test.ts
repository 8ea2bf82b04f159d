/**
 * @file The law of messages: whoever gives options that are not right is told who refuses, what was expected, what came, and the
 * way out. It runs over every schema of the library, those that no call below reads are named, and over every flag of every command.
 */
import { describe, expect, test, vi } from "vitest";
import type * as options from "../../src/base/options.ts";
import type { Schema, Spec } from "../../src/base/options.ts";

/** Every schema that the library makes, those that a call reads, and those that any call has read. */
const { schemas, reading, read } = vi.hoisted(() => ({
  schemas: new Set<unknown>(),
  reading: new Set<unknown>(),
  read: new Set<string>(),
}));

vi.mock("../../src/base/options.ts", async (original) => {
  const actual = await original<typeof options>();
  const schema = <S extends Spec>(spec: S): Schema<S> => {
    const made = actual.schema(spec);
    const watched: Schema<S> = {
      ...made,
      read(who, given, Fails) {
        reading.add(watched);
        return made.read(who, given, Fails);
      },
    };
    schemas.add(watched);
    return watched;
  };
  return { ...actual, schema };
});

const { AdjointError, tensor, zeros } = await import("../../src/index.ts");
const { calls } = await import("./option-calls.ts");
const { commands } = await import("../../src/cli/commands/index.ts");
const { commonFlags, run } = await import("../../src/cli/program.ts");

/** Values of every kind; each option refuses some. */
const values: readonly unknown[] = [
  -1,
  0.5,
  Number.NaN,
  1e300,
  "",
  "no such word",
  true,
  null,
  [],
  ["no such word"],
  [-1.5, null],
  {},
  { noSuchOption: 1 },
  () => undefined,
  Symbol("s"),
  tensor([1, 2, 3]),
  zeros([0]),
];

/** Options that accept whatever comes, because another check says more about it. */
const unchecked = new Set(["shape", "inputShape", "t0", "t1", "validation"]);

/** Whoever refuses: its message, or undefined if it accepts. Errors that are no refusals of ours are failures. */
async function refusal(call: () => unknown): Promise<string | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (!(error instanceof AdjointError)) throw error;
    return error.message;
  }
}

const nameOf = ({ names }: Schema<Spec>): string => names.join(", ");

/** What every refusal says: who, which option, what was expected, what came. */
const refuses = (option: string): RegExp =>
  new RegExp(`^[a-z].*: ${option}\\b.*: expected .+, got .+\\.`, "s");

/** A name one letter away. */
const misspelt = (name: string): string => `${name.slice(0, -1)}${name.endsWith("z") ? "y" : "z"}`;

/** Whether a kind accepts a value. */
function accepts({ kind }: Spec[string], value: unknown): boolean {
  try {
    kind.read("x", value, Error);
    return true;
  } catch {
    return false;
  }
}

/** Whether a function does not know one of the options. */
async function isForeign(
  names: readonly string[],
  call: (option: string) => unknown,
): Promise<boolean> {
  const messages = await Promise.all(names.map((name) => refusal(() => call(name))));
  return messages.some((message) => /expected (options among|no options)/.test(message ?? ""));
}

describe.each(calls)("$name", ({ call, base, filled = [], within = false }) => {
  test("refuses options that are not right, and says which", async () => {
    reading.clear();
    expect(await refusal(() => call(base))).toBeUndefined();
    const own = [...reading] as Schema<Spec>[];
    expect(own).not.toEqual([]);
    for (const schema of own) {
      const { spec } = schema;
      const names = schema.names.filter((name) => !filled.includes(name));
      // A function may call another one, whose options it does not pass on.
      if (await isForeign(names, (option) => call({ ...base, [option]: undefined }))) continue;
      read.add(nameOf(schema));
      for (const name of names) {
        const wrong = values.filter((value) => !accepts(spec[name]!, value));
        if (!unchecked.has(name)) expect(wrong, `${name} accepts everything`).not.toEqual([]);
        for (const value of wrong)
          if (value !== null)
            expect(await refusal(() => call({ ...base, [name]: value })), name).toMatch(
              refuses(name),
            );
        const near = misspelt(name);
        const message = await refusal(() => call({ ...base, [near]: 1 }));
        expect(message).toMatch(new RegExp(`expected options among .*\\b${name}\\b.*"${near}"`));
        if (name.length > 4) expect(message).toMatch(/Did you mean \w+\?$/);
      }
    }
  });

  test.skipIf(within)("wants an object of options", async () => {
    for (const wrong of [1, "text", null, []])
      expect(await refusal(() => call(wrong as never))).toMatch(/expected .*, got/);
  });
});

test("every schema of the library is read by a call above", () => {
  // Some functions make their schema at each call: schemas of the same names count as one.
  const all = [...schemas].map((schema) => nameOf(schema as Schema<Spec>));
  expect([...new Set(all)].filter((name) => !read.has(name))).toEqual([]);
});

/** Texts of which every flag with a value refuses some. */
const texts = ["", "-1", "0.5", "1e999", "x", "8,x", "x,x"];

/** What a command line prints to stderr, and its exit code. */
async function typed(...args: string[]): Promise<{ readonly code: number; readonly said: string }> {
  let said = "";
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation((line) => {
    said += String(line);
    return true;
  });
  try {
    return { code: await run(commands, "0.0.0", args), said };
  } finally {
    stderr.mockRestore();
  }
}

describe.each([...commands])("adjoint $name", ({ name, flags }) => {
  const all = Object.values({ ...flags, ...commonFlags });
  const longs = all.map((flag) => /--[\w-]+/.exec(flag.flags)![0]);

  test("refuses values that are not right, and says of which flag", async () => {
    for (const [index, { flags: form, option }] of all.entries()) {
      if (!form.includes("<")) continue;
      const { kind } = option;
      const wrong = texts.filter(
        (text) => !accepts(option, kind.parse === undefined ? text : kind.parse(text)),
      );
      expect(wrong, `${form} accepts everything`).not.toEqual([]);
      for (const text of wrong) {
        const { code, said } = await typed(name, longs[index]!, text);
        expect(said).toMatch(
          new RegExp(
            `^adjoint ${name}: ${longs[index]}\\b.*: expected .+, got .+\\. See adjoint ${name} --help\\.\n$`,
          ),
        );
        expect(code).toBe(2);
      }
    }
  });

  test("names the flag that a misspelt one is most like", async () => {
    for (const long of longs) {
      const { code, said } = await typed(name, misspelt(long));
      expect(said).toContain(`unknown option '${misspelt(long)}'`);
      if (long.length > 6) expect(said).toMatch(new RegExp(`Did you mean .*${long}\\b`));
      expect(code).toBe(2);
    }
  });
});
