// `adjoint explain` as a user runs it, on networks and pictures drawn here.
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { colourMaps, gradCam, methods, upsamplings } from "../../src/explain/index.ts";
import { shapesCnn, shapeNames } from "../../src/shapes/index.ts";
import { decodeImage, encodePng, preprocess, resize, saveModel } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { folder, run, start } from "./run-cli.ts";

const place = folder({ "notes.txt": "no image", "names.json": JSON.stringify(shapeNames) });
const at = place.at;

/** A picture of waves, so that maps have something to show. */
function picture(width: number, height: number, phase: number): Uint8Array {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / (3 * width)), i % 3];
    return 127 + 120 * Math.sin(phase + (x * (c + 1)) / 9 + y / (7 + c));
  });
  return encodePng({ width, height, data });
}

const explain = (...args: string[]): ReturnType<typeof run> =>
  run(["explain", "-m", "cnn.safetensors", "--classes", "names.json", ...args], place.path);

beforeAll(async () => {
  await saveModel(at("cnn.safetensors"), shapesCnn());
  writeFileSync(at("waves.png"), picture(90, 70, 0));
  writeFileSync(at("more.png"), picture(64, 64, 2));
});
afterAll(place.remove);

describe("adjoint explain", () => {
  test("prints predictions, and writes figure, overlay and map", async () => {
    const { code, stdout, stderr } = await explain(
      "-i",
      "waves.png",
      "-o",
      "figure.svg",
      "--overlay",
      "over.png",
      "--map",
      "map.json",
      "-l",
      "conv5_relu",
      "-c",
      "square",
      "--top",
      "3",
      "--preprocess",
      "raw",
      "--resize",
      "bilinear",
    );
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout.match(/\(class \d\)/g)).toHaveLength(3);
    expect(stdout).toContain("Grad-CAM at conv5_relu, logit of square");
    expect(readFileSync(at("figure.svg"), "utf8")).toMatch(/^<svg [^]*waves\.png[^]*Grad-CAM/);
    const over = decodeImage(readFileSync(at("over.png")));
    expect([over.width, over.height]).toEqual([90, 70]);
    const map = JSON.parse(readFileSync(at("map.json"), "utf8")) as Record<string, unknown>;
    expect(map).toMatchObject({
      model: "cnn.safetensors",
      layer: "conv5_relu",
      method: "gradCam",
      score: "logit",
      classIndex: shapeNames.indexOf("square"),
      className: "square",
      shape: [16, 16],
    });
    const image = resize(decodeImage(readFileSync(at("waves.png"))), 64, 64, "bilinear");
    const expected = gradCam(shapesCnn(), preprocess(image, { mode: "raw" }), {
      layer: "conv5_relu",
      classIndex: shapeNames.indexOf("square"),
    });
    expect(map["values"]).toEqual([...expected.values]);
    expect(map["probability"]).toBe(expected.probability);
  });

  test("compares methods, and keeps negative values if told to", async () => {
    const { code, stdout } = await explain(
      "-i",
      "more.png",
      "-M",
      "gradCam,grad-cam++,saliency",
      "--no-relu",
      "--map",
      "maps.json",
      "-o",
      "compared.png",
      "--score",
      "probability",
      "--judge",
    );
    expect(code).toBe(0);
    const maps = JSON.parse(readFileSync(at("maps.json"), "utf8")) as {
      method: string;
      score: string;
      values: number[];
    }[];
    expect(maps.map(({ method }) => method)).toEqual(["gradCam", "gradCamPlusPlus", "saliency"]);
    expect(maps.every(({ score }) => score === "probability")).toBe(true);
    expect(Math.min(...maps[0]!.values)).toBeLessThan(0);
    expect(stdout).toMatch(/deletion ↓.*insertion ↑.*randomised ↓/);
    expect(decodeImage(readFileSync(at("compared.png"))).width).toBeGreaterThan(1000);
  });

  test("--preset original: the probability's gradient, no ReLU, nearest pixels, 2100 x 1200", async () => {
    const { code, stderr } = await explain(
      "-i",
      "waves.png",
      "--preset",
      "original",
      "-o",
      "original.png",
      "--map",
      "o.json",
      "-q",
    );
    expect([code, stderr]).toEqual([0, ""]);
    const { width, height } = decodeImage(readFileSync(at("original.png")));
    expect([width, height]).toEqual([2100, 1200]);
    const map = JSON.parse(readFileSync(at("o.json"), "utf8")) as Record<string, unknown>;
    const image = resize(decodeImage(readFileSync(at("waves.png"))), 64, 64, "nearest");
    const expected = gradCam(shapesCnn(), preprocess(image, { mode: "raw" }), {
      score: "probability",
      relu: false,
    });
    expect(map["values"]).toEqual([...expected.values]);
  });

  test("of a folder: bad images are reported at the end and do not stop the rest", async () => {
    const photos = folder();
    for (const name of ["a.png", "b.PNG"]) writeFileSync(photos.at(name), picture(64, 64, 1));
    writeFileSync(photos.at("broken.png"), picture(64, 64, 1).slice(0, 300));
    writeFileSync(photos.at("readme.txt"), "not a picture");
    const { code, stdout, stderr } = await explain("-i", photos.path, "waves.png", "-o", "all");
    expect(code).toBe(1);
    expect(stdout).toContain("explained 3 of 4 images");
    expect(stderr).toMatch(/1 of 4 images could not be explained: .*broken\.png/);
    expect(readdirSync(at("all")).sort()).toEqual(["a.png", "b.png", "waves.png"]);
    const wrong = await explain("-i", photos.path, "-l", "conv55", "-o", "all");
    expect(wrong.code).toBe(1);
    expect(wrong.stderr.match(/Most like it: conv5/g)).toHaveLength(1);
    photos.remove();
  });

  test("of several images: metrics are means over them", async () => {
    const asked = ["--judge", "-M", "layerCam"];
    const rowsOf = (text: string): number[][] =>
      text
        .split("\n")
        .filter((line) => /^layerCam +[-\d]/.test(line))
        .map((line) => line.trim().split(/ +/).slice(1).map(Number));
    const [one, other, both] = (
      await Promise.all([
        explain("-i", "waves.png", "--map", "w.json", ...asked),
        explain("-i", "more.png", "--map", "m.json", ...asked),
        explain("-i", "waves.png", "more.png", "--map", "several", ...asked),
      ])
    ).map(({ stdout }) => rowsOf(stdout));
    expect(both).toHaveLength(1);
    for (const [row, values] of both!.entries()) {
      expect(values).toHaveLength(6);
      for (const [i, value] of values.entries())
        expect(Math.abs(value - (one![row]![i]! + other![row]![i]!) / 2)).toBeLessThan(0.0011);
    }
  });

  test("Ctrl-C ends the work, and leaves whole files", async () => {
    const photos = folder();
    for (const name of ["a.png", "b.png", "c.png"]) copyFileSync(at("more.png"), photos.at(name));
    const args = ["explain", "-m", "cnn.safetensors", "-i", photos.path, "-M", "rise"];
    const running = start([...args, "-o", "stopped"], place.path);
    running.killAt(/explain 1\/3/, "SIGINT");
    const { code, stdout, stderr } = await running.done;
    expect([code, stdout]).toEqual([130, ""]);
    expect(stderr).toMatch(/\nadjoint explain: stopped; files that were written are whole\n$/);
    expect(readdirSync(at("stopped"))).toEqual(["a.png"]);
    photos.remove();
  });

  test("the seed is that of methods that draw", async () => {
    const drawn = async (seed: string, file: string): Promise<string> => {
      const asked = ["-M", "smoothGrad", "-c", "0", "--seed", seed, "--map", file];
      const { code } = await explain("-i", "more.png", ...asked);
      expect(code).toBe(0);
      return readFileSync(at(file), "utf8");
    };
    const [one, again, other] = await Promise.all([
      drawn("1", "s1.json"),
      drawn("1", "s2.json"),
      drawn("2", "s3.json"),
    ]);
    expect(again).toBe(one);
    expect(other).not.toBe(one);
  });

  test("no image is written over, nor one result over another", async () => {
    const photos = folder();
    writeFileSync(photos.at("a.png"), picture(64, 64, 1));
    const before = readFileSync(photos.at("a.png"));
    for (const args of [
      ["-i", photos.path, "-o", photos.path],
      ["-i", photos.at("a.png"), "-o", photos.at("a.png")],
      ["-i", "waves.png", "-o", "twice.png", "--overlay", "./twice.png"],
    ]) {
      const { code, stderr } = await explain(...args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/expected a place of its own for .*\.png, which would replace/);
    }
    expect(readFileSync(photos.at("a.png"))).toEqual(before);
    expect(readdirSync(photos.path)).toEqual(["a.png"]);
    photos.remove();
  });

  test("help names all that there is", async () => {
    const { stdout } = await run(["explain", "--help"], place.path);
    for (const name of [...Object.keys(methods), ...colourMaps, ...upsamplings])
      expect(stdout).toMatch(new RegExp(`\\b${name}\\b`));
  });

  test("takes pictures in grey where the network does", async () => {
    const grey = nn.sequential(
      [
        nn.conv2d({ filters: 4, kernelSize: 3, inputShape: [12, 12, 1], activation: "relu" }),
        nn.globalAveragePool2d(),
        nn.dense({ units: 1, activation: "sigmoid" }),
      ],
      { name: "grey" },
    );
    await saveModel(at("grey.safetensors"), grey);
    const args = ["-i", "waves.png", "-m", "grey.safetensors", "--preprocess", "unit"];
    const { code, stdout } = await run(["explain", ...args, "-c", "1"], place.path);
    expect(code).toBe(0);
    expect(stdout).toContain("wrote waves-explained.png");
    writeFileSync(at("two.json"), '["no", "yes"]');
    const named = await run(
      ["explain", ...args, "-c", "yes", "--classes", "two.json", "--map", "yes.json"],
      place.path,
    );
    expect(named.stderr).toBe("");
    expect(JSON.parse(readFileSync(at("yes.json"), "utf8"))).toMatchObject({
      classIndex: 1,
      className: "yes",
    });
    const refused = await run(["explain", ...args, "--preprocess", "caffe"], place.path);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/--preprocess caffe is for three channels/);
  });

  test.each([
    [["-m", "cnn.safetensors"], 2, /expected an image/],
    [["-i", "waves.png"], 2, /expected a network/],
    [["-i", "notes.txt", "-m", "cnn.safetensors"], 1, /notes\.txt: expected a PNG or JPEG/],
    [["-i", "notes.txt", "-m", "vgg91"], 1, /notes\.txt: expected a PNG or JPEG/],
    [["-i", "nothing.png", "-m", "cnn.safetensors"], 1, /nothing\.png: it cannot be read/],
    [["-i", "waves.png", "-m", "vgg91"], 2, /expected a file or.*vgg19/],
    [
      ["-i", "waves.png", "-m", "notes.txt"],
      1,
      /notes\.txt: expected a file of one of the formats/,
    ],
    [["-i", "waves.png", "-m", "cnn.safetensors", "-l", "conv55"], 1, /Most like it: conv5/],
    [
      ["-i", "waves.png", "-m", "cnn.safetensors", "-l", "scores"],
      1,
      /height and width above 1, got "scores".*conv5_relu/,
    ],
    [
      ["-i", "waves.png", "-m", "cnn.safetensors", "-c", "8"],
      2,
      /--class: expected a class from 0 to 7, got 8/,
    ],
    [
      ["-i", "waves.png", "-m", "cnn.safetensors", "-c", "disc"],
      2,
      /--class: .*have no names; --classes FILE/,
    ],
    [
      ["-i", "waves.png", "-m", "cnn.safetensors", "-M", "gradcm"],
      2,
      /--method: expected one of .*Did you mean gradCam\?/,
    ],
    [["-i", "waves.png", "-m", "cnn.safetensors", "-o", "figure.jpg"], 2, /\.png or \.svg/],
    [["-i", "waves.png", "-m", "cnn.safetensors", "-o", "no/figure.png"], 1, /folder no does not/],
    [
      ["-i", "waves.png", "-m", "cnn.safetensors", "--alpha", "0.5"],
      2,
      /--alpha is for networks by name/,
    ],
    [
      ["-i", "waves.png", "more.png", "-m", "cnn.safetensors", "-o", "x.png"],
      2,
      /expected a folder/,
    ],
    [
      ["-i", "waves.png", "-m", "cnn.safetensors", "-c", "1,2", "--preset", "original"],
      2,
      /one method and one class/,
    ],
    [["-i", "waves.png", "-m", "cnn.safetensors", "--classes", "short.json"], 1, /8 names.*got 2/],
    [
      ["-i", "waves.png", "-m", "cnn.safetensors", "--classes", "cranes.json", "-c", "Crane"],
      2,
      /"Crane", which is the name of 1 and 4/,
    ],
    [
      ["-i", "waves.png", "-m", "cnn.safetensors", "-M", "saliency", "-l", "conv5"],
      2,
      /--layer: expected a method that looks at a layer, got saliency/,
    ],
  ])("%j ends with %i and one line", async (args, expected, message) => {
    writeFileSync(at("short.json"), '["a", "b"]');
    writeFileSync(
      at("cranes.json"),
      JSON.stringify([..."abcdefgh"].map((c) => c.replace(/[be]/, "crane"))),
    );
    const { code, stderr } = await run(["explain", ...args], place.path);
    expect(stderr).toMatch(message);
    expect(code).toBe(expected);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.filter((line) => !line.startsWith("preprocessing is "))).toHaveLength(1);
  });

  test("a network of several outputs is named", async () => {
    const x = nn.input({ shape: [8, 8, 3] });
    const y = nn.globalAveragePool2d().apply(x);
    const heads = [2, 3].map((units) => nn.dense({ units }).apply(y));
    const network = nn.model({ inputs: x, outputs: heads }) as unknown as nn.Sequential;
    await saveModel(at("heads.safetensors"), network);
    const args = ["explain", "-i", "waves.png", "-m", "heads.safetensors", "-c", "1", "-q"];
    const { code, stderr } = await run(args, place.path);
    expect(stderr).toMatch(/the network has 2 outputs/);
    expect(code).toBe(1);
  });

  test("a folder without pictures is named", async () => {
    const empty = folder({ "readme.txt": "" });
    const { code, stderr } = await explain("-i", empty.path);
    expect(code).toBe(1);
    expect(stderr).toContain(join(empty.path));
    expect(stderr).toMatch(/found none among 1 files/);
    empty.remove();
  });
});
