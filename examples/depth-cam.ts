/**
 * @file Grad-CAM along the depth of an ODE network: a strip of maps from t = 0 to 1 for a few pictures of `shapes`, and an
 * animation of one. `npx tsx examples/depth-cam.ts --out FOLDER`.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Tensor } from "adjoint";
import { type Panel, animate, depthCam, figure, overlay, svgToPng } from "adjoint/explain";
import { shapeNames, shapes, trainedShapesNetwork } from "adjoint/shapes";
import { type Picture, resize } from "adjoint/models";

const options = {
  places: { type: "string", default: "12,16" },
  frames: { type: "string", default: "13" },
  out: { type: "string", default: "out" },
} as const;

/** Draws as the arguments say. Gives the strip as SVG and the animation as GIF. */
export async function main(args: readonly string[]): Promise<{ svg: string; gif: Uint8Array }> {
  const { values } = parseArgs({ args: [...args], options });
  const places = values.places.split(",").map(Number);
  const network = await trainedShapesNetwork("odenet");
  const panels: Panel[] = [];
  for (const place of places) {
    const { x, y } = shapes({ seed: 2, from: place, count: 1 });
    const picture = pictureOf(x);
    const { depths, maps } = depthCam(network, x, { depths: 5 });
    const { classIndex, probability } = maps[0]!;
    const subtitle = `found: ${shapeNames[classIndex!]}, ${(100 * probability!).toFixed(0)} %`;
    panels.push({ title: shapeNames[y.item()]!, subtitle, picture });
    for (const [index, depth] of depths.entries())
      panels.push({ title: `t = ${depth}`, picture, map: scaled(maps[index]!) });
  }
  const title = "What the network looks at, from the beginning of its flow to the end";
  const svg = figure(panels, { title, columns: 6, range: [0, 1] });

  const [first] = places;
  const { x } = shapes({ seed: 2, from: first!, count: 1 });
  const { maps } = depthCam(network, x, { depths: Number(values.frames) });
  const large = resize(pictureOf(x), 128, 128, "nearest");
  const frames = maps.map((map, index) => ({
    picture: overlay(large, scaled(map), { range: [0, 1], upsample: "bilinear" }),
    delay: index === 0 || index === maps.length - 1 ? 800 : 120,
  }));
  const gif = animate(frames);
  await mkdir(values.out, { recursive: true });
  await writeFile(join(values.out, "depth-cam.png"), await svgToPng(svg, { zoom: 0.6 }));
  await writeFile(join(values.out, "depth-cam.gif"), gif);
  return { svg, gif };
}

/** A map over its largest value: depths differ in how large gradients are, and the question is where they are. */
function scaled<
  M extends { readonly values: ArrayLike<number>; readonly shape: readonly number[] },
>({ values, shape }: M): { values: Float32Array; shape: readonly number[] } {
  const most = Math.max(...Array.from(values), Number.MIN_VALUE);
  return { values: Float32Array.from(values, (value) => value / most), shape };
}

/** Pixels [1, rows, columns, 3] from 0 to 255. */
function pictureOf(x: Tensor): Picture {
  const [, height, width] = x.shape as [number, number, number, number];
  return { width, height, data: Uint8Array.from(x.data()) };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
