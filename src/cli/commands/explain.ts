/** @file `adjoint explain`: what a network looks at in images. */
import { flag as yesNo, names, oneOf, text } from "../../base/kinds.ts";
import { optional } from "../../base/options.ts";
import { explainSpec, mapSpec } from "../../explain/options.ts";
import { top } from "../../models/options.ts";
import { type Command, command, flag, manyFlag, open } from "../command.ts";
import { UsageError } from "../errors.ts";
import { pictureFlags } from "../network-flags.ts";

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
  flags: {
    ...pictureFlags,
    input: manyFlag(
      "-i, --input <path...>",
      optional(text, undefined, "image, several, or a folder of them"),
    ),
    layer: flag(
      "-l, --layer <name>",
      optional(text, undefined, "layer to explain (default: the last one with height and width)"),
    ),
    class: flag(
      "-c, --class <names>",
      optional(
        names,
        undefined,
        "number or name of the class, or several (default: the top prediction)",
      ),
    ),
    method: flag(
      "-M, --method <names>",
      optional(names, undefined, "method, or several to compare (default: gradCam)"),
    ),
    score: flag("--score <kind>", open(explainSpec.score, "logit for most methods")),
    relu: flag("--no-relu", optional(yesNo, true, "keep negative values")),
    upsample: flag("--upsample <filter>", mapSpec.upsample),
    colours: flag("--colours <map>", mapSpec.colourMap),
    output: flag(
      "-o, --output <file>",
      optional(text, undefined, "figure, .png or .svg; a folder for several images"),
    ),
    overlay: flag(
      "--overlay <file>",
      optional(text, undefined, "the picture under its map alone, .png"),
    ),
    map: flag("--map <file>", optional(text, undefined, "the map's numbers, .json")),
    top: flag("--top <n>", top),
    judge: flag(
      "--judge",
      optional(
        yesNo,
        false,
        "judge the maps: deletion, insertion, ROAD, drop, increase, random parameters",
      ),
    ),
    preset: flag(
      "--preset <name>",
      optional(oneOf(["original"]), undefined, "original: as the program GradCAM-Keras"),
    ),
    verbose: flag("-v, --verbose", optional(yesNo, false, "report every step")),
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
      import("../explain/places.ts"),
      import("../explain/places.ts"),
      import("../explain/asked.ts"),
      import("../model/network.ts"),
      import("../explain/run.ts"),
    ]);
    const { layer, method, score, relu, upsample, colours, judge, preset, verbose } = options;
    const log = (line: string): void => {
      if (verbose && !context.quiet) process.stderr.write(`INFO - ${line}\n`);
    };
    log("Verbose enabled");
    const isOriginal = preset === "original";
    const asked = {
      layer,
      methods: method ?? [],
      classes: options.class ?? [],
      score,
      relu,
      upsample,
      top: options.top,
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
