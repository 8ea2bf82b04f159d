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
    const { input: file, model, weights, alpha } = given;
    if (file === undefined) throw new UsageError("expected a picture: -i FILE");
    if (model === undefined) throw new UsageError("expected a network: -m NAME or FILE");
    const [{ jit }, { decodePredictions }, { useNetwork }, { probabilitiesOf, readPicture }] =
      await Promise.all([
        import("../../index.ts"),
        import("../../models/index.ts"),
        import("../model/network.ts"),
        import("../model/picture.ts"),
      ]);
    // First what fails soonest: weights may take minutes.
    const picture = await readPicture(file);
    const network = await useNetwork({ model, weights, alpha }, given, context);
    const { classNames } = network;
    const input = network.prepare(picture);
    const { probabilities, isSoftmax } = probabilitiesOf(
      jit((x: typeof input) => network.model.forward(x))(input),
    );
    if (isSoftmax && !context.quiet)
      process.stderr.write("the network gives scores; probabilities are their softmax\n");
    const predictions = decodePredictions(probabilities, { top: given.top, classNames });
    if (given.json) {
      process.stdout.write(`${JSON.stringify({ model, predictions }, null, 2)}\n`);
      return;
    }
    for (const { classIndex, className, probability } of predictions) {
      const name = classNames === undefined ? className : `${className} (${classIndex})`;
      process.stdout.write(`${percent(probability).padStart(6)}  ${name}\n`);
    }
  },
});
