/** @file `adjoint classify`: what a picture shows, as a network sees it. */
import { flag as yesNo, text } from "../../base/kinds.ts";
import { optional } from "../../base/options.ts";
import { top } from "../../models/options.ts";
import { type Command, command, flag } from "../command.ts";
import { UsageError } from "../errors.ts";
import { percent } from "../explain/words.ts";
import { pictureFlags } from "../network-flags.ts";

export const classify: Command = command({
  name: "classify",
  help: "say what a picture shows, as a network sees it",
  arguments: [],
  notes: `Examples:
  adjoint classify -i photo.png -m mobilenetV2 --top 5
  adjoint classify -i digit.png -m model.onnx --preprocess raw --json

Weights that Keras publishes are downloaded once. ADJOINT_CACHE names the folder, ADJOINT_MIRROR another place to get them from.`,
  flags: {
    ...pictureFlags,
    input: flag("-i, --input <picture>", optional(text, undefined, "PNG or JPEG file")),
    top: flag("--top <n>", top),
    json: flag("--json", optional(yesNo, false, "print JSON")),
  },
  run: async (_, given, context) => {
    const { input: file, model: wanted, weights, alpha } = given;
    if (file === undefined) throw new UsageError("expected a picture: -i FILE");
    if (wanted === undefined) throw new UsageError("expected a network: -m NAME or FILE");
    const [{ jit }, { decodePredictions }, { openNetwork }, pictures, classes] = await Promise.all([
      import("../../index.ts"),
      import("../../models/index.ts"),
      import("../model/open.ts"),
      import("../model/picture.ts"),
      import("../model/picture.ts"),
    ]);
    const { inputOf, preprocessingOf, readPicture } = pictures;
    const tell = (line: string): void => void (context.quiet || process.stderr.write(`${line}\n`));
    // First what fails soonest: weights may take minutes.
    const picture = await readPicture(file);
    const network = await openNetwork({ model: wanted, weights, alpha }, context);
    const { mode, guess } = preprocessingOf(network, wanted, given.preprocess);
    if (guess !== undefined)
      tell(`preprocessing is ${mode}: ${guess}; --preprocess says otherwise`);
    const input = inputOf(picture, network, mode, given.resize);
    const { model } = network;
    const { probabilities, isSoftmax } = classes.probabilitiesOf(
      jit((x: typeof input) => model.forward(x))(input),
    );
    if (isSoftmax) tell("the network gives scores; probabilities are their softmax");
    const { names, note } = await classes.classNamesFor(probabilities.size, given.classes);
    if (note !== undefined) tell(note);
    const predictions = decodePredictions(probabilities, {
      top: given.top,
      ...(names !== undefined && { classNames: names }),
    });
    if (given.json) {
      process.stdout.write(`${JSON.stringify({ model: wanted, predictions }, null, 2)}\n`);
      return;
    }
    for (const { classIndex, className, probability } of predictions) {
      const name = names === undefined ? className : `${className} (${classIndex})`;
      process.stdout.write(`${percent(probability).padStart(6)}  ${name}\n`);
    }
  },
});
