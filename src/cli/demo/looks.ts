/** @file The last part of the demo: what a small network that comes with the package looks at in a picture it was not trained on. */
import { join } from "node:path";
import {
  type Explainer,
  figure,
  gradCam,
  guidedGradCam,
  judge,
  layerCam,
  svgToPng,
} from "../../explain/index.ts";
import { shapeNames, shapes, trainedShapesNetwork } from "../../shapes/index.ts";
import type { Context } from "../command.ts";
import { writeAtomic } from "../files.ts";

/** A crescent among distractions; the network was trained on other seeds. */
const where = { count: 1, seed: 7, from: 7 };

/** Explains the picture and leaves a figure in the folder, which must be there. */
export async function showLooks(folder: string, context: Context): Promise<void> {
  context.say("Shapes: what a small convolutional network looks at");
  const network = await trainedShapesNetwork("cnn");
  const { x: image, y, mask } = shapes(where);
  const [, height, width] = image.shape as [number, number, number, number];
  const picture = { width, height, data: Uint8Array.from(image.data()) };
  const truth = shapeNames[y.data()[0]!]!;
  const chosen: readonly Explainer[] = [gradCam, layerCam, guidedGradCam];
  const maps = chosen.map((explain) => explain(network, image));
  const { classIndex = 0, probability = 0, layer } = maps[0]!;
  const subject = { image, map: maps[0]!, classIndex, mask: mask.reshape([height, width]) };
  const { pointingGame } = await judge(network, [subject], { metrics: ["pointingGame"] });
  const said = `${shapeNames[classIndex]}, ${(100 * probability).toFixed(1)}%`;
  const svg = figure(
    [{ title: `A ${truth}` }, ...maps.map((map, i) => ({ title: chosen[i]!.method.title, map }))],
    {
      title: said,
      subtitle: `a network of 0.1 million parameters, at ${layer}`,
      picture,
      scale: "own",
    },
  );
  const file = join(folder, "shapes.png");
  await writeAtomic(file, await svgToPng(svg));
  const hit = pointingGame!.mean === 1 ? "on" : "beside";
  context.say(
    `it says ${said}; the peak of Grad-CAM's map lies ${hit} the ${truth}; wrote ${file}`,
  );
}
