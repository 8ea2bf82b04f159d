// Reading with a cap, trying paths beforehand, and writing that is all or nothing.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { checkWritable, readText, writeAtomic } from "../../src/cli/files.ts";
import { folder } from "./run-cli.ts";

const here = folder({ "hello.txt": "\uFEFFhello", "old.txt": "old" });
mkdirSync(here.at("folder"));
afterAll(here.remove);

describe("reading", () => {
  test("drops the byte order mark", async () => {
    expect(await readText(here.at("hello.txt"))).toBe("hello");
  });

  test("stops at the cap, also where a file has no end", async () => {
    writeFileSync(here.at("big.txt"), "x".repeat(1001));
    await expect(readText(here.at("big.txt"), 1000)).rejects.toThrow("larger than 0.001 MiB");
    expect(await readText(here.at("big.txt"), 1001)).toHaveLength(1001);
    if (existsSync("/dev/zero")) {
      await expect(readText("/dev/zero", 2 ** 20)).rejects.toThrow("larger than 1 MiB");
    }
  });

  test("refuses what is not text", async () => {
    writeFileSync(here.at("bytes.txt"), Buffer.from([0x74, 0xff, 0xfe]));
    await expect(readText(here.at("bytes.txt"))).rejects.toThrow("not UTF-8 text");
    await expect(readText(here.at("folder"))).rejects.toThrow("it is a folder");
    await expect(readText(here.at("none"))).rejects.toThrow("it does not exist");
  });
});

describe("writing", () => {
  test("is tried beforehand without a trace", async () => {
    const before = readdirSync(here.path);
    await checkWritable(here.at("new.txt"));
    await checkWritable(here.at("old.txt"));
    await expect(checkWritable(here.at("folder"))).rejects.toThrow("it is a folder");
    await expect(checkWritable(here.at("no/new.txt"))).rejects.toThrow("does not exist");
    await expect(checkWritable(here.at("old.txt/new.txt"))).rejects.toThrow("not a folder");
    await expect(checkWritable(here.at("n".repeat(300)))).rejects.toThrow("the name is too long");
    expect(readdirSync(here.path)).toEqual(before);
    expect(readFileSync(here.at("old.txt"), "utf8")).toBe("old");
  });

  test("replaces the old file by the whole new one", async () => {
    await Promise.all(["a", "b", "c"].map((c) => writeAtomic(here.at("old.txt"), c.repeat(1e5))));
    expect(readFileSync(here.at("old.txt"), "utf8")).toMatch(/^(a{100000}|b{100000}|c{100000})$/);
    await writeAtomic(here.at("bytes"), Uint8Array.of(1, 2, 255));
    expect([...readFileSync(here.at("bytes"))]).toEqual([1, 2, 255]);
    expect(readdirSync(here.path).filter((name) => /old\.txt.|bytes\../.test(name))).toEqual([
      "bytes.txt",
    ]);
  });

  test("says why it could not", async () => {
    await expect(writeAtomic(here.at("no/new.txt"), "x")).rejects.toThrow(
      /^cannot write .*new\.txt/,
    );
  });
});
