// Progress: a bar on a terminal, plain lines elsewhere, nothing when quiet.
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { startProgress, sizeText, transferProgress } from "../../src/cli/progress.ts";

function stream(isTTY: boolean): {
  readonly stream: NodeJS.WriteStream;
  readonly text: () => string;
} {
  let text = "";
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const terminal = Object.assign(sink, {
    isTTY,
    columns: 120,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  });
  return { stream: terminal as unknown as NodeJS.WriteStream, text: () => text };
}

function go(isTTY: boolean, quiet: boolean, from = 0): string {
  const { stream: out, text } = stream(isTTY);
  let time = 0;
  const progress = startProgress({
    title: "fit",
    total: 100,
    quiet,
    from,
    stream: out,
    now: () => time,
  });
  for (let iteration = from + 1; iteration <= 100; iteration++) {
    time += 10;
    progress.update({
      iteration,
      loss: 1 / iteration,
      validation: 0.5,
      evaluations: 250 * iteration,
    });
  }
  progress.stop();
  return text();
}

describe("progress", () => {
  test("prints about ten plain lines where there is no terminal", () => {
    const lines = go(false, false).trimEnd().split("\n");
    expect(lines).toHaveLength(10);
    expect(lines[4]).toBe(
      "fit 50/100 | loss 0.0200 | validation 0.500 | 12.5k evaluations | 100 it/s",
    );
    expect(lines.join("")).not.toContain("\u001b");
  });

  test("counts the rate of a resumed run from where it began", () => {
    const lines = go(false, false, 50).trimEnd().split("\n");
    expect(lines.at(-1)).toContain("100/100");
    expect(lines.at(-1)).toContain("100 it/s");
  });

  test("draws a bar on a terminal", () => {
    const text = go(true, false);
    expect(text).toContain("█");
    expect(text).toContain("100/100");
    expect(text).toContain("25.0k evaluations");
  });

  test.each([true, false])("is silent when quiet (terminal: %s)", (isTTY) => {
    expect(go(isTTY, true)).toBe("");
  });
});

describe("progress of transfers", () => {
  const transfer = (isTTY: boolean, quiet: boolean, stage: string, total?: number): string => {
    const { stream: out, text } = stream(isTTY);
    const progress = transferProgress(quiet, out);
    for (let done = 0; done <= 1000; done++)
      progress.update({ stage, file: "a.h5", done: done * 1e5, total });
    progress.stop();
    return text();
  };

  test("a line for every tenth where there is no terminal", () => {
    const lines = transfer(false, false, "download", 1e8).trimEnd().split("\n");
    expect(lines).toHaveLength(10);
    expect(lines[4]).toBe("download a.h5 50.0 MB of 100.0 MB");
    expect(transfer(false, false, "download")).toBe("");
    expect(transfer(false, false, "read", 1e8)).toBe("");
  });

  test("a bar on a terminal, which goes away; nothing when quiet or soon done", () => {
    const text = transfer(true, false, "read", 1e8);
    expect(text).toContain("read a.h5");
    expect(text).not.toContain("\n");
    expect(transfer(true, false, "download")).toContain("download a.h5");
    expect(transfer(true, false, "read", 1e6)).toBe("");
    expect(transfer(true, true, "download", 1e8)).toBe("");
  });

  test("sizes", () => {
    expect([24_000, 99_999, 475_544, 574_710_816].map(sizeText)).toEqual([
      "24.0 kB",
      "100.0 kB",
      "0.5 MB",
      "574.7 MB",
    ]);
  });
});
