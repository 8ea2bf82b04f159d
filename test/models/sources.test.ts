/** @file Where networks come from and go to: paths, URLs, Files, bytes; what does not exist, and what lies elsewhere. */
import * as nn from "../../src/nn/index.ts";
import { execFileSync } from "node:child_process";
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { tensor } from "../../src/index.ts";
import { FormatError, encodeModel, loadModel, saveModel } from "../../src/models/index.ts";
import { onnxFile } from "../support/onnx-file.ts";

const model = nn.sequential([nn.dense({ units: 2, inputShape: [3], seed: 4 })]);
const x = tensor([[1, 2, 3]]);
const file = encodeModel(model, "safetensors");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "adjoint-sources-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A model.json in the folder whose shard is at a path. */
function manifest(path: string): string {
  const name = join(folder, "model.json");
  writeFileSync(
    name,
    JSON.stringify({
      modelTopology: {
        class_name: "Sequential",
        config: [
          {
            class_name: "Dense",
            config: { name: "d", units: 1, use_bias: false, batch_input_shape: [null, 1] },
          },
        ],
      },
      weightsManifest: [
        { paths: [path], weights: [{ name: "d/kernel", shape: [1, 1], dtype: "float32" }] },
      ],
    }),
  );
  return name;
}

describe("loadModel", () => {
  const same = async (from: Parameters<typeof loadModel>[0]): Promise<void> => {
    expect((await loadModel(from)).forward(x).data()).toEqual(model.forward(x).data());
  };

  test("takes bytes, Blobs, Files and paths", async () => {
    await same(file);
    await same(file.slice().buffer);
    await same(new Blob([file as BlobPart]));
    await same([new File([file as BlobPart], "a.safetensors")]);
    const path = join(folder, "a.safetensors");
    writeFileSync(path, file);
    await same(path);
    await same(pathToFileURL(path));
    const odd = join(folder, "100% #1?.safetensors");
    writeFileSync(odd, file);
    await same(pathToFileURL(odd).href);
  });

  test("takes URLs, with the files beside them", async () => {
    const shard = new Uint8Array(new Float32Array([7]).buffer);
    const root = readFileSync(manifest("w 1.bin"));
    const server = createServer((request, response) => {
      const body = { "/m/model.json": root, "/m/w%201.bin": shard }[request.url!];
      response.writeHead(body === undefined ? 404 : 200).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const loaded = await loadModel(`${base}/m/model.json`);
      expect(loaded.forward(tensor([[2]])).item()).toBe(14);
      await expect(loadModel(`${base}/n/model.json`)).rejects.toThrow(
        /n\/model\.json: it cannot be fetched: 404/,
      );
    } finally {
      server.close();
    }
    await expect(loadModel(`${base}/m/model.json`)).rejects.toThrow(
      /cannot be fetched: (?!fetch failed)/,
    );
  });

  test("finds Files by name, and says which is missing", async () => {
    const root = new File([readFileSync(manifest("w.bin"))], "model.json");
    const shard = new File([new Float32Array([7])], "w.bin");
    expect((await loadModel([root, shard])).forward(tensor([[2]])).item()).toBe(14);
    await expect(loadModel([root])).rejects.toThrow(/model.json: expected w.bin among the files/);
    await expect(loadModel(root)).rejects.toThrow(/a Blob has no folder. Give all files/);
    await expect(loadModel(readFileSync(manifest("w.bin")))).rejects.toThrow(
      /bytes have no folder/,
    );
  });

  test("takes names in its own folder in any spelling", async () => {
    writeFileSync(join(folder, "w.bin"), new Float32Array([7]));
    expect((await loadModel(manifest("./w.bin"))).forward(tensor([[2]])).item()).toBe(14);
  });

  test.each([
    "./../w.bin",
    ".",
    "./",
    "../w.bin",
    "/etc/passwd",
    "a/../../w.bin",
    "C:\\w.bin",
    "..\\w.bin",
    "",
    "a//b",
    "x\0",
  ])("does not leave the folder for %j", async (path) => {
    await expect(loadModel(manifest(path))).rejects.toThrow(FormatError);
    await expect(loadModel(manifest(path))).rejects.toThrow(/names of files in its own folder/);
  });

  test("does not leave the folder through a link", async () => {
    const outside = mkdtempSync(join(tmpdir(), "adjoint-outside-"));
    try {
      writeFileSync(join(outside, "w.bin"), new Float32Array([1]));
      symlinkSync(join(outside, "w.bin"), join(folder, "link.bin"));
      await expect(loadModel(manifest("link.bin"))).rejects.toThrow(
        /expected files in its own folder, got a link to/,
      );
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  test("says what cannot be read", async () => {
    const empty = join(folder, "empty");
    writeFileSync(empty, "");
    await expect(loadModel(join(folder, "none.h5"))).rejects.toThrow(
      /none\.h5: it cannot be read: .*ENOENT/,
    );
    await expect(loadModel(folder)).rejects.toThrow(/expected a file, got a folder or device/);
    await expect(loadModel("file:///%")).rejects.toThrow(/file:\/\/\/%: it cannot be read/);
    await expect(loadModel("https://")).rejects.toThrow(FormatError);
    const alone = `data:application/json;base64,${readFileSync(manifest("w.bin"), "base64")}`;
    await expect(loadModel(alone)).rejects.toThrow(/expected a URL in a folder, got data:/);
    await expect(loadModel(empty)).rejects.toThrow(
      /a file of one of the formats .*, got an empty file/,
    );
    await expect(loadModel(new TextEncoder().encode("hello"))).rejects.toThrow(
      /expected a file of one of the formats hdf5, keras, .*, got something else/,
    );
    await expect(loadModel(5 as never)).rejects.toThrow(ArgumentError);
  });

  test.skipIf(process.platform === "win32")("does not wait for a pipe", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    await expect(loadModel(pipe)).rejects.toThrow(/expected a file, got a folder or device/);
  });

  test("says that a connection broke", async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-length": 1000 }).write("{");
      setTimeout(() => response.destroy(), 20);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.json`;
    try {
      await expect(loadModel(url)).rejects.toThrow(FormatError);
      await expect(loadModel(url)).rejects.toThrow(/model\.json: it cannot be fetched/);
    } finally {
      server.close();
    }
  });

  test("fetches a file in which many tensors lie once", async () => {
    const external = (offset: number) => ({
      dims: [2, 4, 4],
      external: { location: "w.bin", offset: String(offset), length: "128" },
    });
    const root = onnxFile({
      nodes: [
        { op: "Add", inputs: ["x", "a"], outputs: ["s"] },
        { op: "Mul", inputs: ["s", "b"], outputs: ["y"] },
      ],
      tensors: { a: external(0), b: external(128) },
    });
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url!);
      response.end(request.url === "/model.onnx" ? root : new Uint8Array(256));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await loadModel(`http://127.0.0.1:${(server.address() as AddressInfo).port}/model.onnx`);
      expect(asked).toEqual(["/model.onnx", "/w.bin"]);
    } finally {
      server.close();
    }
  });

  test("stops when it is told to, and tells how far it is", async () => {
    await expect(loadModel(file, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    const progress: number[][] = [];
    await loadModel(file, { onProgress: (done, total) => progress.push([done, total]) });
    expect(progress).toEqual([
      [24, 32],
      [32, 32],
    ]);
  });
});

describe("saveModel", () => {
  test("replaces the file in one instant and leaves nothing beside it", async () => {
    const path = join(folder, "saved.safetensors");
    writeFileSync(path, "before");
    await saveModel(path, model);
    expect(new Uint8Array(readFileSync(path))).toEqual(file);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("leaves the file as it was where the network cannot be saved", async () => {
    const path = join(folder, "kept.safetensors");
    writeFileSync(path, "before");
    const withCode = nn.sequential([(y) => y.relu(), nn.dense({ units: 2 })], { inputShape: [3] });
    await expect(saveModel(path, withCode)).rejects.toThrow(FormatError);
    expect(readFileSync(path, "utf8")).toBe("before");
  });

  test("says what cannot be written", async () => {
    await expect(saveModel(join(folder, "model.xyz"), model)).rejects.toThrow(
      /expected a name that ends in .*\.safetensors/,
    );
    await expect(saveModel(join(folder, "none", "m.safetensors"), model)).rejects.toThrow(
      /it cannot be written.*Is the folder there/,
    );
    await expect(saveModel("m.safetensors", nn.dense({ units: 1 }) as never)).rejects.toThrow(
      /Wrap a single layer/,
    );
    const shapeless = nn.sequential([nn.dense({ units: 1 })]);
    await expect(saveModel("m.safetensors", shapeless)).rejects.toThrow(
      /whose input shape is unknown/,
    );
    expect(() => encodeModel(model, "h5")).toThrow(/encodeModel: format: expected one of/);
  });
});
