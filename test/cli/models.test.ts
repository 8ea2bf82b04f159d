// Commands on networks: classify, summary, convert, models; their results, and one line for everything that can go wrong.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { supportedFormats } from "../../src/models/index.ts";
import { serve } from "../support/file-server.ts";
import { describeWithData, testData } from "../support/test-data.ts";
import { type Outcome, folder, run, start } from "./run-cli.ts";

const here = folder({
  "text.png": "this is no picture",
  "empty.h5": "",
  "noise.onnx": "\u0001\u0002\u0003 noise",
  "names.json": '["zero", "one", "two"]',
  "in-the-way": "a file",
});
mkdirSync(here.at("folder"));
mkdirSync(here.at("cache/models"), { recursive: true });
const names = testData("imagenet_class_index.json");
if (existsSync(names)) copyFileSync(names, here.at("cache/models/imagenet_class_index.json"));
const before = readdirSync(here.path).sort();
afterAll(here.remove);
// Nothing of this asks the network.
process.env["ADJOINT_CACHE"] = here.at("cache");
process.env["ADJOINT_MIRROR"] = "http://127.0.0.1:9";

const squeezenet = testData("models", "squeezenet-1.1", "model.onnx");
const mobilenet = testData("models", "mobilenet-v1-0.25-224", "model.json");
const mnist = testData("models", "mnist-onnx", "model.onnx");
const kitten = testData("photos", "kitten_224.png");
const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
const call = (...args: string[]): Promise<Outcome> => run(args, here.path);

describe.concurrent("summary", () => {
  test("of a name, without weights", async () => {
    const { code, stdout, stderr } = await call("summary", "MobileNet_V2", "--alpha", "0.35");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain('Model: "mobilenetv2_0.35_224"');
    expect(stdout).toContain(" Total params: 1,691,208");
  });
});

describe.concurrent("models", () => {
  test("lists all there is, and where it lies", async () => {
    const { code, stdout, stderr } = await call("models");
    expect([code, stderr]).toEqual([0, ""]);
    const text = stdout.replaceAll(/\s+/g, " ");
    expect(text).toContain("vgg19 224 x 224 143,667,240 caffe about 574.7 MB to download");
    expect(text).toContain("squeezenet 224 x 224 1,235,496 raw-bgr from a file");
    expect(text).toContain(`Cache: ${here.at("cache")}`);
    const { formats, layers, operators, activations } = supportedFormats();
    for (const { name } of [...formats, ...operators]) expect(text).toContain(` ${name}`);
    for (const name of [...layers, ...activations]) expect(text).toContain(name);
    expect(Math.max(...stdout.split("\n").map(({ length }) => length))).toBeLessThan(130);
  });

  test("as JSON", async () => {
    const { code, stdout } = await call("models", "--json");
    expect(code).toBe(0);
    const found = JSON.parse(stdout) as Record<string, { name: string }[]>;
    expect(found["networks"]!.length).toBe(9);
    expect(found["operators"]!.map(({ name }) => name)).toContain("Conv");
  });
});

describeWithData("with published networks", () => {
  describe.concurrent("classify", () => {
    test.each<[string, string[], string]>([
      ["squeezenet", ["squeezenet", "--weights", squeezenet], "squeezenet"],
      ["the same file", [squeezenet], squeezenet],
      ["mobilenet", ["mobilenet", "--alpha", "0.25", "--weights", mobilenet], "mobilenet"],
    ])("%s: the published answer", async (_, args, said) => {
      const { code, stdout, stderr } = await call(
        "classify",
        "-i",
        kitten,
        "--json",
        "-m",
        ...args,
      );
      expect(code, stderr).toBe(0);
      const { model, predictions } = JSON.parse(stdout) as {
        model: string;
        predictions: { classIndex: number; className: string; probability: number }[];
      };
      const kind = args[0] === "mobilenet" ? "mobilenet" : "squeezenet";
      const golden = JSON.parse(readFileSync(testData("golden", `${kind}_kitten.json`), "utf8"))[
        "kitten_224.png"
      ] as { top5: [number, string, number][] };
      expect(model).toBe(said);
      expect(predictions.map(({ classIndex }) => classIndex)).toEqual(golden.top5.map(([c]) => c));
      for (const [i, [, , probability]] of golden.top5.entries())
        expect(Math.abs(predictions[i]!.probability / probability - 1)).toBeLessThan(1e-3);
      expect(predictions[0]!.className).toBe("tabby");
      // A file has to be told what its pixels mean, and is said what was taken.
      expect(stderr).toMatch(
        args[0] === squeezenet ? /^preprocessing is raw-bgr: as for squeezenet.*\n$/ : /^$/,
      );
    });

    test("lines for people; as many as asked for; names of one's own", async () => {
      const { code, stdout, stderr } = await call(
        "classify",
        "-i",
        kitten,
        "-m",
        mnist,
        "--top",
        "2",
      );
      expect(code).toBe(0);
      expect(lines(stdout)).toHaveLength(2);
      expect(lines(stdout)[0]).toMatch(/^ *\d+\.\d{1,2}% {2}class \d$/);
      expect(stderr).toContain("preprocessing is raw: nothing says what it wants");
      expect(stderr).toContain("probabilities are their softmax");
      const digits = JSON.stringify([..."0123456789"].map((digit) => `digit ${digit}`));
      writeFileSync(here.at("cache/digits.json"), digits);
      const named = ["--classes", "cache/digits.json", "--preprocess", "unit", "-q"];
      const again = await call("classify", "-i", kitten, "-m", mnist, ...named);
      expect([again.code, again.stderr]).toEqual([0, ""]);
      expect(lines(again.stdout)[0]).toMatch(/% {2}digit (\d) \(\1\)$/);
      expect(lines(again.stdout)).toHaveLength(5);
    });
  });

  test("convert: there and back, to the same answer", async () => {
    const one = await call("convert", mnist, "cache/a.safetensors");
    expect([one.code, one.stderr]).toEqual([0, ""]);
    expect(one.stdout).toMatch(/^wrote cache\/a.safetensors: [\d.]+ kB\n$/);
    const two = await call("convert", "cache/a.safetensors", "cache/b.onnx", "--quiet");
    expect([two.code, two.stdout, two.stderr]).toEqual([0, "", ""]);
    const answers = [mnist, "cache/a.safetensors", "cache/b.onnx"].map(async (model) => {
      const { stdout } = await call("classify", "-i", kitten, "-m", model, "--json");
      return (JSON.parse(stdout) as { predictions: unknown }).predictions;
    });
    const [first, ...others] = await Promise.all(answers);
    for (const other of others) expect(other).toEqual(first);
    const { stdout } = await call("summary", "cache/b.onnx");
    expect(stdout).toContain(" Total params: 5,994");
  });

  describe.concurrent("work that fails: one line, exit code 1", () => {
    test.each<[string, string[], string]>([
      [
        "a picture that is not there",
        ["classify", "-i", "no.png", "-m", mnist],
        "cannot read no.png: it does not exist",
      ],
      [
        "a folder for a picture",
        ["classify", "-i", "folder", "-m", mnist],
        "cannot read folder: it is a folder",
      ],
      [
        "text for a picture",
        ["classify", "-i", "text.png", "-m", mnist],
        "text.png: expected a PNG or JPEG picture",
      ],
      [
        "a model that is not there",
        ["classify", "-i", kitten, "-m", "no.onnx"],
        "cannot read no.onnx: it does not exist",
      ],
      ["a folder for a model", ["summary", "folder"], "it is a folder; give the file in it"],
      [
        "an empty model",
        ["summary", "empty.h5"],
        "empty.h5: expected a file of one of the formats",
      ],
      ["noise for a model", ["summary", "noise.onnx"], "noise.onnx: "],
      [
        "weights without layers",
        ["summary", mobilenet],
        "on the command line a network by name, with this file for --weights",
      ],
      [
        "weights of another network",
        ["classify", "-i", kitten, "-m", "mobilenet", "--weights", mobilenet],
        "expected shape",
      ],
      [
        "another network for weights",
        ["convert", "mobilenet", "x.onnx", "--weights", squeezenet],
        "The file holds another network",
      ],
      [
        "weights that are not there",
        ["convert", "vgg16", "x.onnx", "--weights", "no.h5"],
        "cannot read no.h5: it does not exist",
      ],
      [
        "names for other classes",
        ["classify", "-i", kitten, "-m", mnist, "--classes", "names.json", "-q"],
        "names.json: expected 10 names, one for each class, got 3",
      ],
      [
        "an output in no folder",
        ["convert", mnist, "no/model.onnx"],
        "the folder no does not exist",
      ],
      [
        "an output below a file",
        ["convert", mnist, "in-the-way/model.onnx"],
        "a part of the path is not a folder",
      ],
      [
        "no way to the weights",
        ["classify", "-i", kitten, "-m", "vgg19"],
        "put vgg19_weights_tf_dim_ordering_tf_kernels.h5 (MD5 cbe5617147190e668d6c5d5026f83318) into ",
      ],
    ])("%s", async (_, args, message) => {
      const { code, stdout, stderr } = await call(...args);
      expect(stderr).toContain(message);
      expect(lines(stderr)).toHaveLength(1);
      expect([code, stdout]).toEqual([1, ""]);
    });
  });

  describe.concurrent("wrong use: one line, exit code 2", () => {
    test.each<[string, string[], string]>([
      ["no picture", ["classify", "-m", "vgg19"], "expected a picture: -i FILE"],
      ["no network", ["classify", "-i", kitten], "expected a network: -m NAME or FILE"],
      [
        "a name that is none",
        ["classify", "-i", kitten, "-m", "vgg20"],
        'got "vgg20". Most like it: vgg16, vgg19',
      ],
      [
        "a scaling of colours for grey",
        ["classify", "-i", kitten, "-m", mnist, "--preprocess", "caffe"],
        "use raw, unit or tf",
      ],
      [
        "a width of a file",
        ["summary", mnist, "--alpha", "0.5"],
        "--alpha is for networks by name",
      ],
      [
        "a width of a network that has one",
        ["summary", "vgg19", "--alpha", "0.5"],
        "vgg19 comes in one width",
      ],
      [
        "a width without weights",
        ["classify", "-i", kitten, "-m", "mobilenet", "--alpha", "0.3"],
        "0.25, 0.5, 0.75, 1), got 0.3",
      ],
      [
        "a width of nothing",
        ["summary", "mobilenet", "--alpha", "0.001"],
        "mobilenet: alpha: expected a number of at least",
      ],
      [
        "a format that is not written",
        ["convert", mnist, "model.h5"],
        "ends in .safetensors or .onnx",
      ],
      ["no output", ["convert", mnist], "missing required argument 'out'"],
    ])("%s", async (_, args, message) => {
      const { code, stdout, stderr } = await call(...args);
      expect(stderr).toContain(message);
      expect(lines(stderr)).toHaveLength(1);
      expect(stderr).toMatch(/ --help\.\n$/);
      expect([code, stdout]).toEqual([2, ""]);
    });
  });

  test("a download tells how far it is, ends with Ctrl-C, and goes on later", async () => {
    const stem = "mobilenet_2_5_224_tf.h5";
    const made = await call(
      "convert",
      "mobilenet",
      "cache/m.safetensors",
      "--alpha",
      "0.25",
      "--weights",
      mobilenet,
    );
    expect(made.code, made.stderr).toBe(0);
    const file = readFileSync(here.at("cache/m.safetensors"));
    const server = await serve(file, [{ stall: file.length / 2 }, {}]);
    process.env["ADJOINT_MIRROR"] = server.origin;
    const args = ["classify", "-i", kitten, "-m", "mobilenet", "--alpha", "0.25"];
    const running = start(args, here.path);
    running.killAt(/download mobilenet_2_5_224_tf\.h5 [\d.]+ MB of 1\.9 MB\n/, "SIGINT");
    const { code, stdout, stderr } = await running.done;
    expect([code, stdout]).toEqual([130, ""]);
    expect(stderr).toMatch(
      /\nadjoint classify: stopped; a download that was begun is continued next time\n$/,
    );
    expect(readdirSync(here.at("cache/models"))).not.toContain(stem);
    const again = await call(...args);
    await server.close();
    expect(again.code, again.stderr).toBe(0);
    expect(lines(again.stderr).at(-1)).toBe(`download ${stem} 1.9 MB of 1.9 MB`);
    expect(again.stdout).toContain("tabby (281)");
    expect(readdirSync(here.at("cache/models"))).toContain(stem);
    process.env["ADJOINT_MIRROR"] = "http://127.0.0.1:9";
  });
});

test("nothing of this left a file behind", () => {
  expect(readdirSync(here.path).sort()).toEqual(before);
});
