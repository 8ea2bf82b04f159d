// `adjoint explain`: what a network looks at in images.
import { type Command, command, flag, manyOption, option } from "../command.ts";
import type { ColourMapName, Score, Upsampling } from "../../explain/index.ts";
import { UsageError } from "../errors.ts";
import { pictureOptions } from "../options/network.ts";
import * as values from "../values.ts";

const scores = ["logit", "probability"] as const satisfies readonly Score[];
const upsamplings = [
  "nearest",
  "bilinear",
  "cubic",
  "spline3",
] as const satisfies readonly Upsampling[];
const colours = [
  "inferno",
  "viridis",
  "magma",
  "plasma",
  "jet",
  "rdbu",
] as const satisfies readonly ColourMapName[];

export const explain: Command = command({
  name: "explain",
  help: "show what a network looks at in an image",
  arguments: [],
  notes: `Examples:
  adjoint explain -i photo.png -m vgg19 -l block5_conv4 -o figure.png --map map.json
  adjoint explain -i photos/ -m model.onnx -o figures/
  adjoint explain -i photo.png -m model.h5 --preprocess tf -M gradCam,layerCam,rise -o compared.svg
  adjoint explain -i photo.png -m model.h5 -c tabby,tiger_cat -o classes.png

Methods of a layer: gradCam, gradCamPlusPlus, hiResCam, layerCam, xGradCam, eigenCam, eigenGradCam, scoreCam, ablationCam,
guidedGradCam; of all layers: fullGrad; of the image: saliency, inputXGradient, guidedBackprop, smoothGrad,
integratedGradients, occlusion, rise.
--preset original is the program GradCAM-Keras: nearest pixels, the probability's gradient, negative values kept,
a cubic spline, jet over the least to the greatest value, two panels of 2100 x 1200 pixels.`,
  options: {
    ...pictureOptions,
    input: manyOption("-i, --input <path...>", "image, several, or a folder of them", values.path),
    layer: option(
      "-l, --layer <name>",
      "layer to explain (default: the last with height and width)",
      values.optional(values.path),
      undefined,
    ),
    class: option(
      "-c, --class <names>",
      "number or name of the class, or several (default: the top prediction)",
      values.names,
      [],
    ),
    method: option(
      "-M, --method <names>",
      "method, or several to compare",
      values.names,
      [],
      "gradCam",
    ),
    score: option(
      "--score <kind>",
      "what is explained: logit (what the last softmax receives) or probability",
      values.optional(values.oneOf(scores)),
      undefined,
      "logit",
    ),
    relu: { flags: "--no-relu", help: "keep negative values", fallback: true },
    upsample: option(
      "--upsample <filter>",
      `how maps get the image's size: ${upsamplings.join(", ")}`,
      values.optional(values.oneOf(upsamplings)),
      undefined,
      "bilinear",
    ),
    colours: option(
      "--colours <map>",
      `${colours.join(", ")} (default: inferno, rdbu for signed maps)`,
      values.optional(values.oneOf(colours)),
      undefined,
    ),
    output: option(
      "-o, --output <file>",
      "figure, .png or .svg; a folder for several images",
      values.optional(values.path),
      undefined,
    ),
    overlay: option(
      "--overlay <file>",
      "the picture under its map alone, .png",
      values.optional(values.path),
      undefined,
    ),
    map: option(
      "--map <file>",
      "the map's numbers, .json",
      values.optional(values.path),
      undefined,
    ),
    top: option("--top <n>", "how many predictions are printed", values.whole(1, 1000), 5, "5"),
    judge: flag(
      "--judge",
      "judge the maps: deletion, insertion, ROAD, drop, increase, random parameters",
    ),
    preset: option(
      "--preset <name>",
      "original: as the program GradCAM-Keras",
      values.optional(values.oneOf(["original"] as const)),
      undefined,
    ),
    verbose: flag("-v, --verbose", "tell of every step"),
  },
  run: async (_, options, context) => {
    const [
      { loadImage },
      { findImages },
      { placesFor },
      { checkAsked },
      { useNetwork },
      { explainAll },
    ] = await Promise.all([
      import("../../models/index.ts"),
      import("../explain/images.ts"),
      import("../explain/places.ts"),
      import("../explain/asked.ts"),
      import("../explain/network.ts"),
      import("../explain/run.ts"),
    ]);
    const { layer, method, score, relu, upsample, colours, top, judge, preset, verbose } = options;
    const log = (line: string): void => {
      if (verbose && !context.quiet) process.stderr.write(`INFO - ${line}\n`);
    };
    log("Verbose enabled");
    const isOriginal = preset === "original";
    const asked = {
      layer,
      methods: method,
      classes: options.class,
      score,
      relu,
      upsample,
      top,
      judge,
      colourMap: colours,
      isOriginal,
      seed: context.seed,
    };
    checkAsked(asked, options.overlay);
    const images = await findImages(options.input);
    const places = await placesFor(images, options);
    const { model, weights, alpha } = options;
    if (model === undefined)
      throw new UsageError("expected a network: -m NAME (adjoint models lists them) or -m FILE");
    // First what fails soonest: weights may take minutes.
    if (!images.areMany) await loadImage(images.paths[0]!);
    const network = await useNetwork({ model, weights, alpha }, options, context);
    log(
      `${network.name}: ${network.model.parameterCount} parameters, images of ${network.size.join(" x ")}`,
    );
    await explainAll(images, places, network, asked, context, log);
  },
});
