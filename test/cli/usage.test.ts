// The command line from outside: help, exit codes, and one line for everything that can go wrong.
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands/index.ts";
import { circle, folder, program, run } from "./run-cli.ts";

const here = folder({
  "good.csv": circle(),
  "empty.csv": "",
  "ragged.csv": "t,x\n0,1\n1\n",
  "names.csv": "t,x,x\n0,1,2\n",
  "unnamed.csv": "t,,x\n0,1,2\n",
  "text.csv": "t,x\n0,1\n1,two\n",
  "nan.csv": "t,x\nNaN,1\n1,2\n",
  "unsorted.csv": "t,x\n0,1\n2,2\n1,3\n3,1\n4,2\n5,1\n",
  "twice.csv": "t,x\n0,1\n1,2\n1,3\n",
  "short.csv": "t,x\n0,1\n1,2\n2,3\n",
  "sparse.csv": "t,x,y\n0,1,1\n1,2,\n2,3,\n3,4,2\n4,5,\n5,6,\n",
  "utf16.csv": "t\0,\0x\0\n\0",
  "negative.csv": "t,x\n0,1\n1,-2\n2,3\n3,4\n4,5\n5,6\n",
  "gap.csv": "t,x\n0,1\n1,2\n2,3\n3,4\n1e6,5\n1000001,6\n",
  "broken.json": '{"format": "adjoint time ser',
  "other.json": '{"hello": 1}',
  "partial.json": '{"format": "adjoint time series model", "version": 1, "columns": []}',
  "future.json": '{"format": "adjoint time series model", "version": 9}',
  "in-the-way": "a file",
});
mkdirSync(here.at("folder"));
const before = readdirSync(here.path).sort();
afterAll(here.remove);

const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");

const named = commands.map(({ name }) => name);

describe.concurrent("help", () => {
  test("of the program names every command", async () => {
    const { code, stdout, stderr } = await run(["--help"], here.path);
    expect([code, stderr]).toEqual([0, ""]);
    for (const name of named) expect(stdout).toContain(`  ${name} `);
  });

  test.each([...commands])(
    "of $name lists its flags with their defaults",
    async ({ name, flags }) => {
      const { code, stdout, stderr } = await run([name, "--help"], here.path);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(`Usage: adjoint ${name}`);
      for (const option of ["--help", "--seed <n>", "--quiet"]) expect(stdout).toContain(option);
      const text = stdout.replaceAll(/\s+/g, " ");
      for (const { flags: form, option, many } of Object.values(flags)) {
        expect(text).toContain(form);
        const { fallback } = option as { readonly fallback: unknown };
        if (form.includes("<") && fallback !== undefined && !many)
          expect(text.slice(text.indexOf(form))).toContain(`(default: ${String(fallback)})`);
      }
    },
  );

  test("the version is the package's", async () => {
    const { code, stdout } = await run(["--version"], here.path);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe.concurrent("wrong use: one line, exit code 2", () => {
  const cases: [string, string[], string][] = [
    ["no command", [], "expected a command"],
    ["an unknown command", ["fitt"], "unknown command 'fitt'"],
    ["no file", ["fit"], "missing required argument 'file'"],
    ["too many files", ["fit", "good.csv", "more.csv"], "too many arguments"],
    ["an unknown option", ["fit", "good.csv", "--deep"], "unknown option '--deep'"],
    ["a value that is missing", ["fit", "good.csv", "--hidden"], "argument missing"],
    [
      "a column that is not there",
      ["fit", "good.csv", "--columns", "z"],
      'no column "z"; it has "t", "x", "y"',
    ],
    ["times that are not there", ["fit", "good.csv", "--time", "year"], 'no column "year"'],
    [
      "logarithms of negative values",
      ["fit", "negative.csv", "--scale", "log"],
      'column "x" has values that are not above 0',
    ],
  ];
  test.each(cases)("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await run(args, here.path);
    expect(stderr).toContain(message);
    expect(lines(stderr)).toHaveLength(1);
    expect(stderr).toMatch(/^adjoint( \w+)?: /);
    expect(stderr).toMatch(/ --help\.\n$/);
    expect([code, stdout]).toEqual([2, ""]);
  });
});

describe.concurrent("work that fails: one line, exit code 1", () => {
  const cases: [string, string[], string][] = [
    ["a file that is not there", ["fit", "none.csv"], "cannot read none.csv: it does not exist"],
    ["a folder for a file", ["fit", "folder"], "cannot read folder: it is a folder"],
    ["an empty file", ["fit", "empty.csv"], "empty.csv: empty"],
    ["a ragged row", ["fit", "ragged.csv"], "line 3: expected 2 cells"],
    ["a name twice", ["fit", "names.csv"], 'both named "x"'],
    ["a column without a name", ["fit", "unnamed.csv"], "column 2 has no name"],
    ["text in a cell", ["fit", "text.csv"], 'line 3, column "x": expected a number, got "two"'],
    ["a time that is NaN", ["fit", "nan.csv"], 'line 2, column "t": the time is missing'],
    ["times out of order", ["fit", "unsorted.csv"], "time 1 comes after 2 on line 3"],
    ["a time twice", ["fit", "twice.csv"], "time 1 again, as on line 3"],
    [
      "a gap in time out of all proportion",
      ["fit", "gap.csv"],
      "from t = 3 to 1000000 is 1.0e+6 times the typical interval",
    ],
    ["too few rows", ["fit", "short.csv"], "at least 5 rows with values, got 3"],
    ["too few values", ["fit", "sparse.csv"], 'column "y": expected at least 3 values, got 2'],
    ["other encodings", ["fit", "utf16.csv"], "not UTF-8 text"],
    [
      "an output in no folder",
      ["fit", "good.csv", "-o", "no/model.json"],
      "the folder no does not exist",
    ],
    ["an output that is a folder", ["fit", "good.csv", "-o", "folder"], "it is a folder"],
    [
      "an output below a file",
      ["fit", "good.csv", "-o", "in-the-way/m.json"],
      "a part of the path is not a folder",
    ],
    [
      "a picture in no folder",
      ["fit", "good.csv", "--plot", "no/fit.svg"],
      "the folder no does not exist",
    ],
    ["a demo folder that is a file", ["demo", "-o", "in-the-way"], "cannot make the folder"],
    ["a model that is not there", ["predict", "none.json"], "cannot read none.json"],
    ["a model cut short", ["predict", "broken.json"], "expected JSON"],
    ["a file that is no model", ["predict", "other.json"], "not a model of a time series"],
    [
      "a model without columns",
      ["predict", "partial.json"],
      "columns: expected 1 to 1024 elements, got 0",
    ],
    ["a model of a later version", ["predict", "future.json"], "version 9 of the format"],
  ];
  test.each(cases)("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await run(args, here.path);
    expect(stderr).toContain(message);
    expect(lines(stderr)).toHaveLength(1);
    expect([code, stdout]).toEqual([1, ""]);
  });
});

test.skipIf(!existsSync("/dev/full"))("a full disk behind standard output: one line", () => {
  const full = openSync("/dev/full", "w");
  const { status, stderr } = spawnSync(process.execPath, [program, "--help"], {
    stdio: ["ignore", full, "pipe"],
    encoding: "utf8",
  });
  closeSync(full);
  expect(stderr).toBe("adjoint: cannot write to standard output: the disk is full\n");
  expect(status).toBe(1);
});

test("nothing of this left a file behind", () => {
  expect(readdirSync(here.path).sort()).toEqual(before);
  expect(existsSync(here.at("model.json"))).toBe(false);
});
