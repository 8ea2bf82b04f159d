// Schemas of options: types, defaults, and errors that say who, what came, what was expected and the way out.
import { describe, expect, expectTypeOf, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import * as kinds from "../../src/base/kinds.ts";
import {
  type Kind,
  type OptionsOf,
  type SettingsOf,
  optional,
  required,
  sameAs,
  schema,
} from "../../src/base/options.ts";

type Shade = (x: number) => number;
const shade: Kind<"dark" | Shade, Shade> = {
  expected: '"dark" or a function',
  read: (_, given) => (given === "dark" ? (x) => x / 2 : (given as Shade)),
};
const declared = schema({
  units: required(kinds.count, "Number of outputs."),
  useBias: optional(kinds.flag, true, "Whether a bias is added."),
  shade: optional(shade, "dark", "How results are shaded."),
  padding: optional(kinds.oneOf(["valid", "same"]), "valid", "What surrounds the images."),
  firstStep: optional(kinds.positive, undefined, "Size of the first step; estimated unless given."),
  size: optional(
    kinds.either(kinds.count, kinds.listOf(kinds.count, { least: 2, most: 2 })),
    3,
    "Extents.",
  ),
});

describe("a schema", () => {
  test("gives the type of the options and of the settings", () => {
    expectTypeOf<OptionsOf<typeof declared.spec>>().toEqualTypeOf<
      { readonly units: number } & {
        readonly useBias?: boolean | undefined;
        readonly shade?: "dark" | Shade | undefined;
        readonly padding?: "valid" | "same" | undefined;
        readonly firstStep?: number | undefined;
        readonly size?: number | readonly number[] | undefined;
      }
    >();
    expectTypeOf<SettingsOf<typeof declared.spec>["shade"]>().toEqualTypeOf<Shade>();
    expectTypeOf<SettingsOf<typeof declared.spec>["firstStep"]>().toEqualTypeOf<
      number | undefined
    >();
  });

  test("fills in defaults, and reads those as it reads what users write", () => {
    const settings = declared.read("dense", { units: 3, padding: undefined });
    expect(settings).toMatchObject({ units: 3, useBias: true, padding: "valid", size: 3 });
    expect(settings.shade(4)).toBe(2);
    expect(settings.firstStep).toBeUndefined();
  });

  test("lets an option follow another one, and null be a value of its own", () => {
    const pool = schema({
      poolSize: optional(kinds.count, 2, "Extent of a window."),
      strides: sameAs(kinds.count, "poolSize", "Distance between windows."),
      axis: optional(
        {
          expected: "an axis or null",
          takesNull: true,
          read: (_, given) => given as number | null,
        },
        -1,
        "The axis.",
      ),
    });
    expectTypeOf<SettingsOf<typeof pool.spec>["strides"]>().toEqualTypeOf<number>();
    expect(pool.read("pool", {})).toEqual({ poolSize: 2, strides: 2, axis: -1 });
    expect(pool.read("pool", { poolSize: 3, axis: null })).toEqual({
      poolSize: 3,
      strides: 3,
      axis: null,
    });
    expect(pool.read("pool", { poolSize: 3, strides: null })).toMatchObject({ strides: 3 });
    expect(pool.rows().map(({ fallback }) => fallback)).toEqual(["2", "as poolSize", "-1"]);
  });

  test.each([
    [{}, "dense: units: expected a positive integer, got undefined."],
    [{ units: 1.5 }, "dense: units: expected a positive integer, got 1.5."],
    [{ units: 1, unit: 3 }, 'got "unit". Did you mean units?'],
    [
      { units: 1, padding: "sane" },
      'dense: padding: expected one of valid, same, got "sane". Did you mean same?',
    ],
    [{ units: 1, size: [1] }, "or a list of 2 values, each a positive integer, got an array of 1."],
    [{ units: 1, size: [1, 0] }, "or a list of 2 values"],
    [3, "dense: expected an object of options, got 3."],
    [null, "got null."],
  ])("refuses %j", (options, message) => {
    expect(() => declared.read("dense", options)).toThrow(ArgumentError);
    expect(() => declared.read("dense", options)).toThrow(message);
  });

  test("throws the error of the room that asks", () => {
    class RoomError extends Error {}
    expect(() => declared.read("dense", {}, RoomError)).toThrow(RoomError);
    expect(() => declared.read("dense", { typo: 1 }, RoomError)).toThrow(RoomError);
  });

  test("documents itself", () => {
    expect(declared.rows().slice(0, 3)).toEqual([
      {
        name: "units",
        expected: "a positive integer",
        fallback: "required",
        help: "Number of outputs.",
      },
      {
        name: "useBias",
        expected: "true or false",
        fallback: "true",
        help: "Whether a bias is added.",
      },
      {
        name: "shade",
        expected: '"dark" or a function',
        fallback: '"dark"',
        help: "How results are shaded.",
      },
    ]);
  });
});

test("kinds read what a command line says", () => {
  const typed = <Value>(kind: Kind<unknown, Value>, text: string): Value =>
    kind.read("--x", kind.parse!(text), ArgumentError);
  expect(typed(kinds.count as Kind<unknown, number>, "12")).toBe(12);
  expect(typed(kinds.listOf(kinds.whole(1, 9)) as Kind<unknown, unknown>, "3, 4")).toEqual([3, 4]);
  expect(() => typed(kinds.count as Kind<unknown, number>, "12abc")).toThrow(
    '--x: expected a positive integer, got "12abc".',
  );
  expect(() => typed(kinds.between(0, 1) as Kind<unknown, number>, "1.5")).toThrow("from 0 to 1");
});

test.each([
  [kinds.finite, [0, -1.5], [NaN, Infinity, "1"]],
  [kinds.text, ["a"], ["", 1, null]],
  [kinds.callback<() => void>(), [() => {}], [{}, "f"]],
  [kinds.abortSignal, [new AbortController().signal], [new AbortController(), null, true]],
] as [Kind<unknown>, unknown[], unknown[]][])("kind %# accepts what it says", (kind, good, bad) => {
  for (const value of good) expect(kind.read("x", value, ArgumentError)).toBe(value);
  for (const value of bad)
    expect(() => kind.read("x", value, ArgumentError)).toThrow(`x: expected ${kind.expected}, got`);
});
