/** @file `adjoint fit`: a neural ODE fitted to the columns of a CSV file. */
import { finitePositive, flag as yesNo, text, whole } from "../../base/kinds.ts";
import { optional } from "../../base/options.ts";
import { columnsSpec, fitSpec } from "../../series/options.ts";
import { type Command, command, flag } from "../command.ts";
import { picture } from "../plot/save.ts";

export const fit: Command = command({
  name: "fit",
  help: "fit a neural ODE to a time series in a CSV file",
  arguments: [
    { name: "<file>", help: "CSV with a header, a column of times and columns of values" },
  ],
  notes: `Times may be irregular and cells may be empty. The last rows are held out; the weights that forecast them and
follow the other rows best are kept. --resume continues an interrupted fit.

Example:
  adjoint fit pelts.csv --time year --columns hare,lynx -o model.json --plot fit.svg`,
  flags: {
    time: flag("--time <column>", columnsSpec.time),
    columns: flag("--columns <names>", columnsSpec.columns),
    output: flag("-o, --output <file>", optional(text, "model.json", "file for the model")),
    plot: flag(
      "--plot <file>",
      optional(
        picture,
        undefined,
        "figure of data, fit and forecast (.svg or .png); the phase portrait and the loss go beside it",
      ),
    ),
    hidden: flag("--hidden <sizes>", fitSpec.hidden),
    activation: flag("--activation <name>", fitSpec.activation),
    iterations: flag("--iterations <n>", fitSpec.iterations),
    learningRate: flag("--learning-rate <rate>", fitSpec.learningRate),
    weightDecay: flag("--weight-decay <w>", fitSpec.weightDecay),
    validation: flag("--validation <share>", fitSpec.validation),
    patience: flag("--patience <n>", fitSpec.patience),
    window: flag("--window <n>", fitSpec.window),
    hiddenStates: flag("--hidden-states <n>", fitSpec.hiddenStates),
    scale: flag("--scale <how>", fitSpec.scale),
    horizon: flag(
      "--horizon <time>",
      optional(
        finitePositive,
        undefined,
        "length of the plotted forecast (default: half of the data's span)",
      ),
    ),
    sort: flag("--sort", columnsSpec.sort),
    resume: flag(
      "--resume",
      optional(yesNo, false, "continue an interrupted fit from its checkpoint"),
    ),
    checkpointEvery: flag(
      "--checkpoint-every <n>",
      optional(whole(1, 1e7), 250, "iterations between checkpoints"),
    ),
  },
  run: async ([file], given, context) => {
    // Loaded here, so that help and errors come at once; the engine last of all.
    const [{ parseTable }, { readText }] = await Promise.all([
      import("../csv.ts"),
      import("../files.ts"),
    ]);
    const table = parseTable(await readText(file!), file!);
    const { fitTable, summaryLines, titleOf } = await import("../fit.ts");
    const { time, columns, sort, output, plot, horizon, checkpointEvery, resume, ...fitOptions } =
      given;
    const job = {
      title: titleOf(file!),
      table,
      columns: { time, columns, sort },
      options: { ...fitOptions, seed: context.seed },
    };
    const places = { output, plot, horizon, checkpointEvery, resume };
    const summary = await fitTable({ ...job, ...places }, context);
    for (const line of summaryLines(summary)) context.say(line);
  },
});
