// Layouts: named parts of flat lists, and choices among the entries of a list.
import { describe, expect, test } from "vitest";
import { InternalError } from "../src/base/errors.ts";
import { Layout, Selection } from "../src/ir/layout.ts";

const number = { shape: [], dtype: "float64" } as const;
const row = { shape: [3], dtype: "float32" } as const;

describe("a layout", () => {
  const layout = new Layout({ t: number, y: [row, number], slopes: [[row], [row], []], rest: [] });

  test("knows where parts begin, lists of lists list by list", () => {
    expect(layout.start).toEqual({ t: 0, y: 1, slopes: [3, 4, 5], rest: 5 });
    expect(layout.types).toEqual([number, row, number, row, row]);
  });

  test("splits and joins", () => {
    const list = ["t", "y0", "y1", "k0", "k1"];
    const parts = layout.split(list);
    expect(parts).toEqual({ t: "t", y: ["y0", "y1"], slopes: [["k0"], ["k1"], []], rest: [] });
    expect(layout.join(parts)).toEqual(list);
  });

  test("refuses lists of another length", () => {
    expect(() => layout.split(["t"])).toThrow(InternalError);
    expect(() => layout.join({ t: 1, y: [1], slopes: [[1], [1], []], rest: [] })).toThrow(/4.*5/);
  });

  test("traces functions of its parts", () => {
    const graph = layout.graph(({ y }) => [y[1]!, y[0]!]);
    expect(graph.inputs).toHaveLength(5);
    expect(graph.outputs.map(({ shape }) => shape)).toEqual([[], [3]]);
  });
});

test("a selection leaves out and puts back", () => {
  const selection = new Selection([true, false, true]);
  expect(selection.pick(["a", "b", "c"])).toEqual(["a", "c"]);
  expect(selection.place(["x", "y"])).toEqual(["x", undefined, "y"]);
});
