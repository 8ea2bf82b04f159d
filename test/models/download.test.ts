// Downloads from a server on loopback that does what networks do: the file is whole and right, or there is none.
import fc from "fast-check";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { nodeModules } from "../../src/base/node/files.ts";
import { DownloadError } from "../../src/models/index.ts";
import { checkFile, download, type OnBytes } from "../../src/models/pretrained/download.ts";
import { type Answer, serve } from "../support/file-server.ts";

const modules = nodeModules()!;
const md5Of = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");
/** Large enough to come in several pieces. */
const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
const md5 = md5Of(bytes);

const base = mkdtempSync(join(tmpdir(), "adjoint-download-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let folder: string;
let count = 0;
beforeEach(() => void (folder = join(base, String(count++))));

/** Downloads from a server that answers as told; gives the requests it got, or the error, and what is in the folder. */
async function attempt(
  answers: readonly Answer[],
  options: {
    readonly before?: Uint8Array;
    readonly md5?: string | undefined;
    readonly most?: number;
    readonly patience?: number;
    readonly signal?: AbortSignal;
    readonly onBytes?: OnBytes;
  } = {},
): Promise<{ error?: Error; ranges: (string | undefined)[]; files: string[] }> {
  let received = 0;
  const server = await serve(bytes, answers, () => received);
  const path = join(folder, "weights.h5");
  if (options.before !== undefined) {
    await modules.files.mkdir(folder, { recursive: true });
    writeFileSync(`${path}.part`, options.before);
  }
  const { before: _, md5: published = md5, ...others } = options;
  const file = {
    name: "weights.h5",
    url: `${server.origin}/weights.h5`,
    ...("md5" in options && options.md5 === undefined ? {} : { md5: published }),
  };
  let error: Error | undefined;
  try {
    const onBytes: OnBytes = (done, total) => {
      received = done;
      options.onBytes?.(done, total);
    };
    const defaults = { most: 1 << 20, patience: 2000, pause: 1 };
    await download(modules, file, path, { ...defaults, ...others, onBytes });
    expect(Buffer.compare(readFileSync(path), bytes)).toBe(0);
  } catch (cause) {
    error = cause as Error;
  } finally {
    await server.close();
  }
  return {
    ...(error !== undefined && { error }),
    ranges: server.requests.map(({ range }) => range),
    files: statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [],
  };
}

describe("what comes in the end", () => {
  const whole = ["weights.h5"];
  const half = bytes.slice(0, 150_000);
  test.each<[string, Answer[], Uint8Array | undefined, (string | undefined)[]]>([
    ["at once", [{}], undefined, [undefined]],
    ["without a length", [{ isChunked: true }], undefined, [undefined]],
    [
      "cut twice",
      [{ cut: 1000 }, { cut: 2000 }, {}],
      undefined,
      [undefined, "bytes=1000-", "bytes=3000-"],
    ],
    ["cut before the first byte", [{}], new Uint8Array(0), [undefined]],
    ["half of it there from before", [{}], half, ["bytes=150000-"]],
    ["all of it there from before", [{}], bytes, ["bytes=300000-"]],
    ["more than all of it there", [{}], new Uint8Array(400_000), ["bytes=400000-", undefined]],
    ["other bytes there from before", [{}], new Uint8Array(150_000), ["bytes=150000-", undefined]],
    ["more there than any file has", [{}], new Uint8Array(2 << 20), [undefined]],
    ["a server without ranges", [{ ignoresRange: true }], half, ["bytes=150000-"]],
    [
      "cut, by a server without ranges",
      [{ cut: 5000 }, { ignoresRange: true }],
      undefined,
      [undefined, "bytes=5000-"],
    ],
    [
      "a server that is busy",
      [{ status: 503 }, { status: 429 }, {}],
      undefined,
      [undefined, undefined, undefined],
    ],
    [
      "wrong bytes, resumed",
      [{ bytes: new Uint8Array(300_000) }, {}],
      half,
      ["bytes=150000-", undefined],
    ],
    [
      "another part than asked for",
      [{ headers: { "content-range": "bytes 5-299999/300000" } }, {}],
      half,
      ["bytes=150000-", undefined],
    ],
    ["a stall", [{ stall: 70_000 }, {}], undefined, [undefined, "bytes=70000-"]],
  ])("%s", async (_, answers, before, ranges) => {
    const patience = answers.some(({ stall }) => stall !== undefined) ? 500 : 2000;
    const result = await attempt(answers, { patience, ...(before !== undefined && { before }) });
    expect(result.error).toBeUndefined();
    expect(result.files).toEqual(whole);
    expect(result.ranges).toEqual(ranges);
  });

  test("progress ends with all bytes, and begins with those that are there", async () => {
    const seen: [number, number | undefined][] = [];
    await attempt([{}], { before: half, onBytes: (...now) => void seen.push(now) });
    expect(seen[0]).toEqual([150_000, 300_000]);
    expect(seen.at(-1)).toEqual([300_000, 300_000]);
  });

  test("redirects are followed", async () => {
    const target = await serve(bytes);
    const result = await attempt([
      { status: 302, headers: { location: `${target.origin}/elsewhere` } },
    ]);
    await target.close();
    expect(result.error).toBeUndefined();
    expect(target.requests).toEqual([{ path: "/elsewhere", range: undefined }]);
  });

  test("without a published MD5 nothing is mixed: it begins anew", async () => {
    const { error, ranges } = await attempt([{ cut: 5000 }, {}], { md5: undefined, before: half });
    expect(error).toBeUndefined();
    expect(ranges).toEqual([undefined, undefined]);
  });
});

describe("what does not come", () => {
  test.each<[string, Answer[], RegExp, string[]]>([
    ["not there", [{ status: 404 }], /answers 404 Not Found/, []],
    ["forbidden", [{ status: 403 }], /answers 403/, []],
    ["always busy", [{ status: 500 }], /answers 500/, []],
    ["wrong bytes", [{ bytes: bytes.map((b) => b ^ 1) }], /MD5 is [\da-f]{32} instead of/, []],
    ["a shorter file", [{ bytes: bytes.subarray(1) }], /MD5 is/, []],
    ["nothing", [{ bytes: new Uint8Array(0) }], /MD5 is d41d8cd98f00b204e9800998ecf8427e/, []],
    ["too long, as said", [{ length: 2 ** 40, cut: 100 }], /1099511627776 bytes, more than/, []],
    [
      "too long, as not said",
      [{ bytes: new Uint8Array(3 << 20), isChunked: true }],
      /more than 1048576 bytes came/,
      ["weights.h5.part"],
    ],
    ["a redirect to itself", [{ status: 302, headers: { location: "/" } }], /redirect/, []],
    [
      "a redirect to no web server",
      [{ status: 302, headers: { location: "file:///etc/passwd" } }],
      /cannot be downloaded/,
      [],
    ],
  ])("%s", async (_, answers, message, files) => {
    const { error, ...result } = await attempt(answers);
    expect(error).toBeInstanceOf(DownloadError);
    expect(error!.message).toMatch(message);
    expect(error!.message).toContain(`put weights.h5 (MD5 ${md5}) into ${folder}`);
    expect(result.files).toEqual(files);
    expect(result.ranges.length).toBeLessThanOrEqual(21);
  });

  test("a server that always cuts, or always stalls, is given up, and what came is kept", async () => {
    const cut = await attempt([{ cut: 1000 }]);
    expect(cut.error!.message).toMatch(/cannot be downloaded/);
    expect(cut.ranges.length).toBe(50);
    expect(cut.files).toEqual(["weights.h5.part"]);
    expect(readFileSync(join(folder, "weights.h5.part")).length).toBe(50_000);
    folder += "-stall";
    const stall = await attempt([{ stall: 0 }], { patience: 50 });
    expect(stall.error!.message).toMatch(/nothing came for 0.05 s/);
    expect(stall.ranges.length).toBeLessThanOrEqual(3);
  });

  test("a server that is not there", async () => {
    const { origin, close } = await serve(bytes);
    await close();
    const file = { name: "weights.h5", url: `${origin}/weights.h5`, md5 };
    const path = join(folder, "weights.h5");
    await expect(download(modules, file, path, { most: 1e6 })).rejects.toThrow(
      new RegExp(`ECONNREFUSED.*put weights.h5 \\(MD5 ${md5}\\) into ${folder}, or give its path`),
    );
  });

  test("a folder that cannot be made", async () => {
    writeFileSync(folder, "a file");
    const { error, ranges } = await attempt([{}]);
    expect(error).toBeInstanceOf(DownloadError);
    expect(error!.message).toMatch(/cannot be downloaded: (EEXIST|ENOTDIR)/);
    expect(ranges).toEqual([]);
    rmSync(folder);
  });

  test("an abort ends it at once, with the signal's reason; what came is used later", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const { error, files } = await attempt([{ stall: 100_000 }], {
      signal: controller.signal,
      onBytes: (done) => void (done === 100_000 && controller.abort(reason)),
    });
    expect(error).toBe(reason);
    expect(files).toEqual(["weights.h5.part"]);
    const later = await attempt([{}], { before: readFileSync(join(folder, "weights.h5.part")) });
    expect(later.error).toBeUndefined();
    expect(later.ranges).toEqual(["bytes=100000-"]);
    const never = await attempt([{}], { signal: AbortSignal.abort(reason) });
    expect(never.error).toBe(reason);
  });
});

test("two downloads of one file at a time do not spoil it", async () => {
  for (const published of [md5, undefined]) {
    const server = await serve(bytes);
    folder = join(base, String(count++));
    const path = join(folder, "weights.h5");
    const file = {
      name: "weights.h5",
      url: `${server.origin}/weights.h5`,
      ...(published !== undefined && { md5: published }),
    };
    const options = { most: 1 << 20, pause: 1 };
    await Promise.all([1, 2, 3].map(() => download(modules, file, path, options)));
    await server.close();
    expect(Buffer.compare(readFileSync(path), bytes)).toBe(0);
    expect(readdirSync(folder)).toEqual(["weights.h5"]);
  }
});

test("whatever the server does, the file is right or there is none", async () => {
  const answer: fc.Arbitrary<Answer> = fc.oneof(
    fc.constant({}),
    fc.record({ cut: fc.nat(300_000), ignoresRange: fc.boolean() }),
    fc.record({ status: fc.constantFrom(200, 206, 404, 416, 500) }),
    fc.record({ length: fc.nat(600_000), cut: fc.nat(300_000) }),
    fc.record({ bytes: fc.nat(310_000).map((n) => new Uint8Array(n)), isChunked: fc.boolean() }),
    fc.record({
      headers: fc
        .tuple(fc.nat(400_000), fc.nat(400_000), fc.nat(400_000))
        .map(([a, b, c]) => ({ "content-range": `bytes ${a}-${b}/${c}` })),
    }),
  );
  const before = fc.option(
    fc.oneof(
      fc.nat(300_000).map((n) => bytes.slice(0, n)),
      fc.nat(310_000).map((n) => new Uint8Array(n)),
    ),
    { nil: undefined },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(answer, { minLength: 1, maxLength: 4 }),
      before,
      async (answers, part) => {
        folder = join(base, String(count++));
        const { error, files } = await attempt(answers, part === undefined ? {} : { before: part });
        if (error !== undefined) expect(error).toBeInstanceOf(DownloadError);
        expect(files.includes("weights.h5")).toBe(error === undefined);
      },
    ),
    { numRuns: 60, seed: 4 },
  );
});

test("a file that lies where a download would is checked, once for each change of it", async () => {
  await modules.files.mkdir(folder, { recursive: true });
  const path = join(folder, "weights.h5");
  const file = { name: "weights.h5", url: "http://127.0.0.1/", md5 };
  writeFileSync(path, bytes);
  await checkFile(modules, file, path);
  expect(readdirSync(folder)).toEqual(["weights.h5", "weights.h5.checked"]);
  await checkFile(modules, file, path);
  writeFileSync(path, bytes.subarray(1));
  await expect(checkFile(modules, file, path)).rejects.toThrow(
    new RegExp(`weights.h5: expected the file with MD5 ${md5}, got one with .*Delete it`),
  );
  await checkFile(modules, { ...file, md5: md5Of(bytes.subarray(1)) }, path);
});
