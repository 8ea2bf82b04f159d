// Reading CSV: what is understood, and that everything else is refused with its place.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseTable, toCsv } from "../../src/cli/csv.ts";
import { type Series, readSeries } from "../../src/series/index.ts";
import { requireEnough } from "../../src/series/table.ts";

const read = (text: string, options: Parameters<typeof readSeries>[1] = {}): Series =>
  readSeries(parseTable(text, "data.csv"), options);

describe("what is understood", () => {
  const plain = "t,x,y\n0,1,2\n1,3,4\n";
  const expected = read(plain);

  test("times, columns and values", () => {
    expect(expected.timeName).toBe("t");
    expect(expected.names).toEqual(["x", "y"]);
    expect([...expected.times]).toEqual([0, 1]);
    expect([...expected.values]).toEqual([1, 2, 3, 4]);
  });

  test.each([
    ["a byte order mark", `\uFEFF${plain}`],
    ["CRLF", plain.replaceAll("\n", "\r\n")],
    ["no final line break", plain.trimEnd()],
    ["blank lines", "\n\nt,x,y\n0,1,2\n\n1,3,4\n\n\n"],
    ["semicolons", plain.replaceAll(",", ";")],
    ["tabs", plain.replaceAll(",", "\t")],
    ["spaces around cells", "t , x, y\n 0,1 , 2\n1, 3,4\n"],
    ["quotes", '"t","x","y"\n"0",1,"2"\n1,3,"4"\n'],
    ["other ways to write numbers", "t,x,y\n0,+1.0,.2e1\n1.,3,40E-1\n"],
  ])("%s", (_, text) => {
    expect(read(text)).toEqual(expected);
  });

  test("quoted names with separators, and only the columns asked for", () => {
    const series = read('"a;b, c",when,z\n1,5,9\n2,6,8\n', { time: "when", columns: ["a;b, c"] });
    expect(series.names).toEqual(["a;b, c"]);
    expect([...series.times]).toEqual([5, 6]);
    expect([...series.values]).toEqual([1, 2]);
  });

  test("missing observations become NaN", () => {
    const { values } = read("t,x\n0,\n1,NA\n2,nan\n3,null\n4,7\n");
    expect([...values]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN, 7]);
  });

  test("--sort puts rows in order of time, values included", () => {
    const series = read("t,x\n3,30\n1,10\n2,\n", { sort: true });
    expect([...series.times]).toEqual([1, 2, 3]);
    expect([...series.values]).toEqual([10, Number.NaN, 30]);
  });
});

describe("what is refused, and where", () => {
  test.each([
    ["an empty file", "", "data.csv: empty"],
    ["blank lines only", "\n\n  \n", "data.csv: empty"],
    ["a ragged row", "t,x\n0,1\n1\n", "data.csv, line 3: expected 2 cells as in the header, got 1"],
    [
      "a row too long",
      "t,x\n0,1,2\n",
      "data.csv, line 2: expected 2 cells as in the header, got 3",
    ],
    ["a column without a name", "t,,y\n0,1,2\n", "line 1: column 2 has no name"],
    ["a name twice", "t,x,x\n0,1,2\n", 'columns 2 and 3 are both named "x"'],
    ["no header", "0,1\n1,2\n", "expected a header with column names, got only numbers"],
    ["text in a cell", "t,x\n0,1\n1,ten\n", 'line 3, column "x": expected a number, got "ten"'],
    ["infinity", "t,x\n0,Infinity\n", 'column "x": expected a number, got "Infinity"'],
    ["overflow", "t,x\n0,1e999\n", 'column "x": expected a number, got "1e999"'],
    ["hexadecimals", "t,x\n0,0x10\n", 'column "x": expected a number, got "0x10"'],
    ["decimal commas", "t;x\n0;1,5\n", "write decimals with a point"],
    ["a missing time", "t,x\n0,1\n,2\n", 'line 3, column "t": the time is missing'],
    ["a NaN time", "t,x\nNaN,1\n", 'line 2, column "t": the time is missing'],
    ["disorder", "t,x\n0,1\n2,2\n1,3\n", 'line 4, column "t": time 1 comes after 2 on line 3'],
    [
      "the same time twice",
      "t,x\n0,1\n1,2\n1,3\n",
      'line 4, column "t": time 1 again, as on line 3',
    ],
    ["an open quote", 't,x\n0,"1\n1,2\n', "a double quote is opened and never closed"],
    ["a quote inside", 't,x\n0,1"2\n', "double quote inside a cell"],
    ["only times", "t\n0\n1\n", 'expected a column beside the times, got only "t"'],
  ])("%s", (_, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test("lines are counted as an editor counts them, blank and quoted ones included", () => {
    expect(() => read('t,"a\nb"\n\n0,1\n1,oops\n')).toThrow("line 5");
  });

  test("columns that are not there, with those that are", () => {
    expect(() => read("t,x\n0,1\n", { time: "year" })).toThrow(
      'time: data.csv has no column "year"; it has "t", "x"',
    );
    expect(() => read("t,x\n0,1\n", { columns: ["y"] })).toThrow(
      'columns: data.csv has no column "y"',
    );
    expect(() => read("t,x\n0,1\n", { columns: ["t"] })).toThrow('"t" is the column of times');
  });

  test("sorting does not hide a repeated time", () => {
    expect(() => read("t,x\n1,1\n0,2\n1,3\n", { sort: true })).toThrow(
      "time 1 again, as on line 2",
    );
  });

  test("too few rows with values", () => {
    const series = read("t,x,y\n0,1,\n1,,\n2,3,4\n3,5,6\n4,7,8\n");
    expect(() => requireEnough(series, 5)).toThrow("at least 5 rows with values, got 4");
    const kept = requireEnough(series, 4);
    expect([...kept.times]).toEqual([0, 2, 3, 4]);
    const sparse = read("t,x,y\n0,1,2\n1,2,\n2,3,\n3,5,1\n");
    expect(() => requireEnough(sparse, 4)).toThrow('column "y": expected at least 3 values, got 2');
  });
});

describe("properties", () => {
  const name = fc
    .string({ minLength: 1, maxLength: 12, unit: "grapheme-ascii" })
    .map((s) => `n${s.trim()}`)
    .filter((s) => !s.includes("\\"));
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

  test("what toCsv writes is read back bit for bit, missing values included", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 2, maxLength: 5 }),
        fc.uniqueArray(finite, { minLength: 1, maxLength: 20 }),
        fc.infiniteStream(fc.oneof(finite, fc.constant(Number.NaN))),
        (names, someTimes, stream) => {
          const times = someTimes.map((t) => t + 0).sort((a, b) => a - b);
          fc.pre(times.every((t, i) => i === 0 || t > times[i - 1]!));
          const columns = names.slice(1).map(() => times.map(() => stream.next().value + 0));
          const series = read(toCsv(names, [times, ...columns]));
          expect(series.names).toEqual(names.slice(1));
          expect([...series.times]).toEqual(times);
          columns.forEach((column, c) =>
            column.forEach((value, r) => expect(series.values[r * columns.length + c]).toBe(value)),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test("any text either is a series or is refused in one line that names the file", () => {
    const piece = fc.constantFrom(
      "t",
      "x",
      ",",
      "\n",
      "\r\n",
      '"',
      "1",
      "2.5",
      "-",
      ";",
      " ",
      "é",
      "\t",
      "",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        try {
          const { times, values, names } = read(pieces.join(""));
          expect(values.length).toBe(times.length * names.length);
          expect(
            [...times].every((t, i) => Number.isFinite(t) && (i === 0 || t > times[i - 1]!)),
          ).toBe(true);
        } catch (error) {
          expect((error as Error).name).toMatch(/^(WorkError|SeriesError|ArgumentError)$/);
          expect((error as Error).message).toContain("data.csv");
        }
      }),
      { numRuns: 1000 },
    );
  });
});
