// Values of options: what they mean, and that everything else is refused.
import { describe, expect, test } from "vitest";
import * as values from "../../src/cli/values.ts";

describe("values", () => {
  test("numbers are decimal and finite", () => {
    expect(["1", "-2.5", ".5", "1e-3", " 7 "].map(values.number)).toEqual([1, -2.5, 0.5, 0.001, 7]);
    for (const text of ["", "x", "0x10", "1e999", "NaN", "Infinity", "1,5"]) {
      expect(() => values.number(text), text).toThrow("expected a number");
    }
    expect(() => values.positive("0")).toThrow("above 0");
    expect(() => values.within(0, 1)("1.1")).toThrow("from 0 to 1");
  });

  test("whole numbers are in range", () => {
    expect(values.whole(0, 10)("10")).toBe(10);
    for (const text of ["11", "-1", "1.5", "1e1", ""]) {
      expect(() => values.whole(0, 10)(text), text).toThrow("whole number from 0 to 10");
    }
    expect(values.wholes(1, 9, 3)("1,2,3")).toEqual([1, 2, 3]);
    expect(() => values.wholes(1, 9, 2)("1,2,3")).toThrow("at most 2 numbers, got 3");
    expect(() => values.wholes(1, 9, 3)("1,,3")).toThrow("whole number");
  });

  test("names may hold commas and quotes when quoted", () => {
    expect(values.names("x, y")).toEqual(["x", "y"]);
    expect(values.names('"a, b",c')).toEqual(["a, b", "c"]);
    expect(values.names('"say ""hi""",c d')).toEqual(['say "hi"', "c d"]);
    for (const text of ["", ",", "a,,b", "a,", ",a", '""']) {
      expect(() => values.names(text), text).toThrow("names separated by commas");
    }
    expect(() => values.names("a,b,a")).toThrow('"a" is named twice');
  });

  test("words and paths", () => {
    expect(values.oneOf(["auto", "log"])("log")).toBe("log");
    expect(() => values.oneOf(["auto", "log"])("Log")).toThrow("one of auto, log");
    expect(() => values.path("")).toThrow("expected a path");
  });
});
