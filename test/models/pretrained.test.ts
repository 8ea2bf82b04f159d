// Weights of networks by name: from a server on loopback into a cache, from files of every kind; and what is said where there are none.
import { readFileSync, readdirSync, rmSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path, { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { ArgumentError } from "../../src/index.ts";
import {
  DownloadError,
  FormatError,
  type WeightsProgress,
  architectures,
  cacheFolder,
  cachePathOf,
  efficientnetB0,
  encodeModel,
  imagenetClassNames,
  mobilenet,
  mobilenetV2,
  squeezenet,
  vgg19,
} from "../../src/models/index.ts";
import { cacheFolderOf } from "../../src/models/pretrained/cache.ts";
import { serve } from "../support/file-server.ts";
import { describeWithData, testData } from "../support/test-data.ts";

const base = mkdtempSync(join(tmpdir(), "adjoint-pretrained-"));
const before = { ...process.env };
let count = 0;
beforeEach(() => {
  process.env["ADJOINT_CACHE"] = join(base, String(count++));
  process.env["ADJOINT_MIRROR"] = "http://127.0.0.1:9";
});
afterEach(() => void (process.env = { ...before }));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Small, so that its weights are made at once. */
const options = { alpha: 0.25, includeTop: false, inputShape: [128, 128, 3] } as const;
const name = "mobilenet_2_5_128_tf_no_top.h5";
const trained = mobilenet({ ...options, seed: 7 });
/** Files go by content, not by name. */
const file = encodeModel(trained, "safetensors");

test("the cache is where the platform keeps such things", () => {
  const on = (platform: string, variables: Record<string, string>, at = path.posix): string =>
    cacheFolderOf(at, {
      platform,
      home: at === path.posix ? "/home/ada" : "C:\\Users\\Ada",
      variables,
    });
  expect(on("linux", {})).toBe("/home/ada/.cache/adjoint");
  expect(on("linux", { XDG_CACHE_HOME: "/var/cache" })).toBe("/var/cache/adjoint");
  expect(on("linux", { XDG_CACHE_HOME: "relative" })).toBe("/home/ada/.cache/adjoint");
  expect(on("darwin", { XDG_CACHE_HOME: "/x" })).toBe("/home/ada/Library/Caches/adjoint");
  const local = "D:\\Local";
  expect(on("win32", { LOCALAPPDATA: local }, path.win32)).toBe("D:\\Local\\adjoint");
  expect(on("win32", {}, path.win32)).toBe("C:\\Users\\Ada\\AppData\\Local\\adjoint");
  expect(on("linux", { ADJOINT_CACHE: "/mine" })).toBe("/mine");
  expect(on("linux", { ADJOINT_CACHE: "" })).toBe("/home/ada/.cache/adjoint");
  expect(cacheFolder()).toBe(process.env["ADJOINT_CACHE"]);
});

test("published weights are downloaded once", async () => {
  const server = await serve((at) =>
    at === `/tensorflow/keras-applications/mobilenet/${name}` ? file : undefined,
  );
  process.env["ADJOINT_MIRROR"] = `${server.origin}/`;
  const seen: WeightsProgress[] = [];
  const onProgress = (progress: WeightsProgress): void => void seen.push(progress);
  const model = await mobilenet({ ...options, weights: "imagenet", onProgress });
  const again = await mobilenet({ ...options, weights: "imagenet" });
  await server.close();
  expect(server.requests.length).toBe(1);
  for (const [index, tensor] of trained.parameters().entries()) {
    expect(model.parameters()[index]!.data()).toEqual(tensor.data());
    expect(again.parameters()[index]!.data()).toEqual(tensor.data());
  }
  const download = seen.filter(({ stage }) => stage === "download");
  expect(download.at(-1)).toEqual({
    stage: "download",
    file: name,
    done: file.length,
    total: file.length,
  });
  expect(seen.at(-1)!.stage).toBe("read");
  expect(seen.at(-1)!.done).toBe(seen.at(-1)!.total);
  expect(readdirSync(join(cacheFolder(), "models"))).toEqual([name]);
});

test("what is half there is no file, and what has no place in a network no weights", async () => {
  const folder = join(cacheFolder(), "models");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.part`), file.subarray(0, 1000));
  const load = (): Promise<unknown> => mobilenet({ ...options, weights: "imagenet" });
  await expect(load()).rejects.toThrow(DownloadError);
  writeFileSync(join(folder, name), file.subarray(0, 1000));
  await expect(load()).rejects.toThrow(FormatError);
  const other = encodeModel(mobilenet({ ...options, alpha: 0.5 }), "safetensors");
  writeFileSync(join(folder, name), other);
  await expect(load()).rejects.toThrow(/expected shape \[3, 3, 3, 8\], got \[3, 3, 3, 16\]/);
  rmSync(join(folder, name));
  mkdirSync(join(folder, name));
  await expect(load()).rejects.toThrow(/expected a file, got a folder/);
});

test("offline, the error says which file to put where", async () => {
  const load = vgg19({ weights: "imagenet" });
  await expect(load).rejects.toThrow(DownloadError);
  await expect(load).rejects.toThrow(
    `put vgg19_weights_tf_dim_ordering_tf_kernels.h5 (MD5 cbe5617147190e668d6c5d5026f83318) into ${join(cacheFolder(), "models")}, or give its path`,
  );
  await expect(mobilenet({ weights: "imagenet" })).rejects.toThrow(/\(no MD5 is published\)/);
});

test("a file put there by hand is checked", async () => {
  const folder = join(cacheFolder(), "models");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "efficientnetb0.h5"), "not it");
  await expect(efficientnetB0({ weights: "imagenet" })).rejects.toThrow(
    /efficientnetb0.h5: expected the file with MD5 902e53a9f72be733fc0bcb005b3ebbac, got one with/,
  );
});

describe("which files are published", () => {
  test("every architecture's default has one, but for SqueezeNet", () => {
    const files = architectures.map((entry) => entry.published?.({}));
    expect(
      files.map((found, i) => found ?? architectures[i]!.name).filter((x) => typeof x === "string"),
    ).toEqual(["squeezenet"]);
    for (const found of files) {
      if (found === undefined) continue;
      expect(found.url).toMatch(
        new RegExp(`^http://127.0.0.1:9/(tensorflow/)?keras-applications/.*${found.name}$`),
      );
      expect(cachePathOf(found)).toBe(join(cacheFolder(), "models", found.name));
      if (!found.name.startsWith("mobilenet")) expect(found.md5).toMatch(/^[\da-f]{32}$/);
    }
    delete process.env["ADJOINT_MIRROR"];
    expect(architectures.at(-1)!.published!({}).url).toBe(
      "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels.h5",
    );
  });

  test("no two files share a hash or a name", () => {
    const files = architectures.flatMap(({ published }) =>
      published === undefined ? [] : [published({}), published({ includeTop: false })],
    );
    expect(new Set(files.map(({ name }) => name)).size).toBe(files.length);
    const hashes = files.flatMap(({ md5 }) => md5 ?? []);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test("widths and sizes are in the names", () => {
    const by = (name: string, options: object): string =>
      architectures.find((entry) => entry.name === name)!.published!(options).name;
    expect(by("mobilenet", { alpha: 0.75, inputShape: [160, 160, 3] })).toBe(
      "mobilenet_7_5_160_tf.h5",
    );
    expect(by("mobilenet", { inputShape: [150, 160, 3], includeTop: false })).toBe(
      "mobilenet_1_0_224_tf_no_top.h5",
    );
    const v2 = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels";
    expect(by("mobilenetV2", { alpha: 1.3 })).toBe(`${v2}_1.3_224.h5`);
    expect(by("mobilenetV2", { inputShape: [96, 96, 3] })).toBe(`${v2}_1.0_96.h5`);
  });

  test("none for other widths, other classes, or other sizes with dense layers", async () => {
    await expect(mobilenet({ weights: "imagenet", alpha: 0.3 })).rejects.toThrow(
      /0.25, 0.5, 0.75, 1\), got 0.3/,
    );
    await expect(mobilenetV2({ weights: "imagenet", alpha: 0.25 })).rejects.toThrow(ArgumentError);
    await expect(vgg19({ weights: "imagenet", classes: 10 })).rejects.toThrow(
      /143667240 parameters/,
    );
    await expect(vgg19({ weights: "imagenet", inputShape: [96, 96, 3] })).rejects.toThrow(
      ArgumentError,
    );
    await expect(
      vgg19({ weights: "imagenet", includeTop: false, inputShape: [96, 96, 1] }),
    ).rejects.toThrow(ArgumentError);
    await expect(squeezenet({ weights: "imagenet" })).rejects.toThrow(/give the path of a model/);
    expect(() => vgg19({ weights: "imagenet", clases: 1 } as never)).toThrow(
      /Did you mean classes/,
    );
  });

  test("EfficientNet's published weights come with another scaling, from a file of that name too", async () => {
    const small = { inputShape: [32, 32, 3] } as const;
    const published = efficientnetB0({ ...small, imagenetScaling: true });
    const file = join(base, "efficientnetb0.h5");
    writeFileSync(file, encodeModel(published, "safetensors"));
    expect((await efficientnetB0({ ...small, weights: file })).layers.length).toBe(241);
    const otherwise = { ...small, weights: readFileSync(file) };
    expect((await efficientnetB0(otherwise)).layers.length).toBe(240);
  });
});

test("without Node there is no cache, and it says so", async () => {
  const { process } = globalThis;
  try {
    (globalThis as { process?: unknown }).process = undefined;
    const loading = mobilenet({ ...options, weights: "imagenet" });
    globalThis.process = process;
    await expect(loading).rejects.toThrow(DownloadError);
    await expect(loading).rejects.toThrow(/expected Node.*a URL, a Blob or a File/);
  } finally {
    globalThis.process = process;
  }
});

test("an abort before anything began", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(mobilenet({ ...options, weights: "imagenet", signal })).rejects.toThrow("enough");
  await expect(mobilenet({ ...options, weights: file, signal })).rejects.toThrow("enough");
});

describeWithData("published files", () => {
  test("SqueezeNet and MobileNet take weights from files of other formats", async () => {
    const models = testData("models");
    const a = await squeezenet({ weights: join(models, "squeezenet-1.1/model.onnx") });
    expect(a.parameterCount).toBe(1_235_496);
    const b = await mobilenet({
      alpha: 0.25,
      weights: join(models, "mobilenet-v1-0.25-224/model.json"),
    });
    expect(b.parameterCount).toBe(475_544);
    await expect(mobilenet({ weights: join(models, "squeezenet-1.1/model.onnx") })).rejects.toThrow(
      /parameter 1 of 52: expected .*conv1.*: kernel of shape \[3, 3, 3, 32\], got .*\[3, 3, 3, 64\]/,
    );
  });

  test("names of ImageNet's classes are downloaded, and checked", async () => {
    const index = readFileSync(testData("imagenet_class_index.json"));
    const server = await serve(index);
    process.env["ADJOINT_MIRROR"] = server.origin;
    const names = await imagenetClassNames();
    await server.close();
    expect(server.requests[0]!.path).toBe(
      "/download.tensorflow.org/data/imagenet_class_index.json",
    );
    expect(names.length).toBe(1000);
    expect(names[285]).toBe("Egyptian_cat");
    expect(await imagenetClassNames()).toEqual(names);
  });
});
