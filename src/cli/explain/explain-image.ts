/** @file One image from its file to its explanations, and the files that are written for it. */
import {
  type ExplainOptions,
  type Explainer,
  type Explanation,
  type Panel,
  figure,
  originalFigure,
  overlay,
  svgToPng,
} from "../../explain/index.ts";
import {
  type Picture,
  type Prediction,
  decodePredictions,
  encodePng,
  loadImage,
  resize,
} from "../../models/index.ts";
import { basename, extname } from "node:path";
import { writeAtomic } from "../files.ts";
import type { NetworkInUse } from "../model/network.ts";
import { type Asked, explainOptions } from "./asked.ts";
import type { Places } from "./places.ts";
import { className, classLine } from "./words.ts";

/** An image with its explanations: one per method and class, the classes of a method together. */
export interface Explained {
  readonly path: string;
  readonly picture: Picture;
  readonly explanations: readonly Explanation[];
  readonly predictions: readonly Prediction[];
}

/** Options of a method, as far as it has them: methods of the image have no layer, few draw random numbers. */
export function optionsFor(explainer: Explainer, asked: Asked): ExplainOptions {
  const { layer, ...others } = explainOptions(asked);
  const { names } = explainer.options;
  return {
    ...others,
    ...(names.includes("layer") && layer !== undefined && { layer }),
    ...(names.includes("seed") && { seed: asked.seed }),
  };
}

/** Explains one image, until the signal ends it. */
export async function explainImage(
  path: string,
  network: NetworkInUse,
  methods: readonly Explainer[],
  classes: readonly number[],
  asked: Asked,
  signal: AbortSignal,
): Promise<Explained> {
  const picture = await loadImage(path);
  const image = network.prepare(picture);
  const explanations: Explanation[] = [];
  for (const method of methods) {
    const options = { ...optionsFor(method, asked), signal };
    if (classes.length === 0) explanations.push(await method.async(network.model, image, options));
    for (const classIndex of classes)
      explanations.push(await method.async(network.model, image, { ...options, classIndex }));
  }
  const { probabilities } = explanations[0]!;
  const { top } = asked;
  const named = probabilities?.length === network.classNames?.length;
  const classNames = named ? network.classNames : undefined;
  const predictions = probabilities ? decodePredictions(probabilities, { top, classNames }) : [];
  return { path, picture, explanations, predictions };
}

/** Writes what was asked for, once all of it is made, and returns the paths. */
export async function writeExplained(
  explained: Explained,
  network: NetworkInUse,
  methods: readonly Explainer[],
  places: Places,
  asked: Asked,
): Promise<string[]> {
  const { explanations, picture } = explained;
  const files: [path: string, contents: string | Uint8Array][] = [];
  if (places.figure !== undefined) {
    const svg = draw(explained, network, methods, asked);
    const isSvg = extname(places.figure).toLowerCase() === ".svg";
    const zoom = asked.isOriginal ? 1 : 2;
    files.push([places.figure, isSvg ? svg : await svgToPng(svg, { zoom })]);
  }
  if (places.overlay !== undefined) {
    const over = overlay(shown(picture, network, asked), explanations[0]!, lookOf(asked));
    files.push([places.overlay, encodePng(over)]);
  }
  if (places.map !== undefined) {
    const records = explanations.map((one) => record(network, one));
    const content = records.length === 1 ? records[0] : records;
    files.push([places.map, `${JSON.stringify(content)}\n`]);
  }
  for (const [path, contents] of files) await writeAtomic(path, contents);
  return files.map(([path]) => path);
}

function lookOf({ upsample, colourMap, isOriginal }: Asked): Pick<Asked, "upsample" | "colourMap"> {
  return {
    upsample: upsample ?? (isOriginal ? "spline3" : undefined),
    colourMap: colourMap ?? (isOriginal ? "jet" : undefined),
  };
}

/** The picture that maps lie over: as it is, or for the original's figure as the network gets it. */
function shown(
  picture: Picture,
  { size, resize: filter }: NetworkInUse,
  { isOriginal }: Asked,
): Picture {
  return isOriginal ? resize(picture, size[1], size[0], filter) : picture;
}

function draw(
  { path, picture, explanations }: Explained,
  network: NetworkInUse,
  methods: readonly Explainer[],
  asked: Asked,
): string {
  const [first] = explanations;
  if (asked.isOriginal) {
    const { classIndex = 0, layer = "" } = first!;
    return originalFigure(shown(picture, network, asked), first!, {
      classIndex,
      className: className(network, classIndex),
      layer,
    });
  }
  const severalMethods = methods.length > 1;
  const severalClasses = explanations.length > methods.length;
  const titleOf = (one: Explanation): string =>
    methods.find(({ method }) => method.name === one.method)!.method.title;
  const panels: Panel[] = explanations.map((one) => ({
    title: severalClasses && !severalMethods ? classLine(network, one) : titleOf(one),
    ...(severalMethods && severalClasses && { subtitle: classLine(network, one) }),
    map: one,
  }));
  const { layer, score } = first!;
  const at = severalMethods || layer === undefined ? "" : `, ${layer}`;
  const by = severalClasses && !severalMethods ? `${titleOf(first!)}, ` : "";
  return figure([{ title: basename(path) }, ...panels], {
    title: severalClasses ? `What ${network.title} looks at` : classLine(network, first!),
    subtitle: `${by}${severalClasses ? "" : `${network.title}, `}${score}${at}`,
    picture,
    scale: severalMethods ? "own" : "shared",
    ...lookOf(asked),
  });
}

/** The map as it is before resizing and normalisation, and what is needed to read it. */
function record(network: NetworkInUse, one: Explanation): object {
  const { layer = null, method, score, classIndex = null, probability = null, shape, values } = one;
  return {
    model: network.name,
    layer,
    method,
    score,
    classIndex,
    className: classIndex === null ? null : className(network, classIndex),
    probability,
    shape,
    values: [...values],
  };
}
