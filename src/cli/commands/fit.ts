// `adjoint fit`: a neural ODE fitted to the columns of a CSV file.
import { type Command, command, flag, option } from "../command.ts";
import { UsageError } from "../errors.ts";
import { picturePath } from "../plot/save.ts";
import * as values from "../values.ts";

const activations = ["tanh", "relu", "softplus", "sigmoid"] as const;
export const fit: Command = command({
  name: "fit",
  help: "fit a neural ODE to a time series in a CSV file",
  arguments: [
    { name: "<file>", help: "CSV with a header, a column of times and columns of values" },
  ],
  notes: `Times may be irregular, cells may be empty. The last rows are held out: the weights that
forecast them and follow the others best are kept. An interrupted fit continues with --resume.

Example:
  adjoint fit pelts.csv --time year --columns hare,lynx -o model.json --plot fit.svg`,
  options: {
    time: option(
      "--time <column>",
      "column of times (default: the first)",
      values.optional(String),
      undefined,
    ),
    columns: option(
      "--columns <names>",
      "columns to model, separated by commas (default: all others)",
      values.optional(values.names),
      undefined,
    ),
    output: option(
      "-o, --output <file>",
      "where the model goes",
      values.path,
      "model.json",
      "model.json",
    ),
    plot: option(
      "--plot <file>",
      "draw data, fit and forecast (.svg or .png), and beside it the phase portrait and the loss",
      values.optional(picturePath),
      undefined,
    ),
    hidden: option(
      "--hidden <sizes>",
      "units of the hidden layers",
      values.wholes(1, 4096, 16),
      [32, 32],
      "32,32",
    ),
    activation: option(
      "--activation <name>",
      `one of ${activations.join(", ")}`,
      values.oneOf(activations),
      "tanh",
      "tanh",
    ),
    iterations: option("--iterations <n>", "training steps", values.whole(1, 1e7), 2000, "2000"),
    learningRate: option(
      "--learning-rate <rate>",
      "peak of the learning rate",
      values.positive,
      0.01,
      "0.01",
    ),
    weightDecay: option(
      "--weight-decay <w>",
      "decay of the weights (AdamW)",
      values.within(0, 100),
      0.3,
      "0.3",
    ),
    validation: option(
      "--validation <share>",
      "share of the rows held out at the end, 0 for none",
      values.within(0, 0.9),
      0.2,
      "0.2",
    ),
    patience: option(
      "--patience <n>",
      "iterations without a better score before the fit ends",
      values.optional(values.whole(1, 1e7)),
      undefined,
    ),
    window: option("--window <n>", "most intervals in a window", values.whole(2, 4096), 32, "32"),
    states: option(
      "--hidden-states <n>",
      "state dimensions that are no column (default: 1 for a single column, else 0)",
      values.optional(values.whole(0, 64)),
      undefined,
    ),
    scale: option(
      "--scale <how>",
      "auto, linear, or log for positive data",
      values.oneOf(["auto", "linear", "log"]),
      "auto",
      "auto",
    ),
    horizon: option(
      "--horizon <time>",
      "how far the plotted forecast reaches (default: half of the data's span)",
      values.optional(values.positive),
      undefined,
    ),
    sort: flag("--sort", "put rows in order of time"),
    resume: flag("--resume", "continue an interrupted fit from its checkpoint"),
    checkpointEvery: option(
      "--checkpoint-every <n>",
      "iterations between checkpoints",
      values.whole(1, 1e7),
      250,
      "250",
    ),
  },
  run: async ([file], given, context) => {
    // Loaded here, so that help and errors come at once; the engine last of all.
    const [{ parseTable }, { readSeries, requireEnough }, { readText }] = await Promise.all([
      import("../csv/table.ts"),
      import("../csv/series.ts"),
      import("../files.ts"),
    ]);
    const table = parseTable(await readText(file!), file!);
    const { time, columns, sort } = given;
    const least = 4 + (given.validation > 0 ? 1 : 0);
    const series = requireEnough(readSeries(table, { time, columns, sort }), file!, least);
    if (series.names.length > 256) {
      throw new UsageError(`${series.names.length} columns; choose at most 256 with --columns`);
    }
    const { fitSeries, summaryLines, titleOf } = await import("../fit/fit-series.ts");
    const summary = await fitSeries(
      {
        title: titleOf(file!),
        series,
        output: given.output,
        plot: given.plot,
        horizon: given.horizon,
        checkpointEvery: given.checkpointEvery,
        resume: given.resume,
        options: {
          architecture: {
            hidden: given.hidden,
            activation: given.activation,
            hiddenStates: given.states ?? (series.names.length === 1 ? 1 : 0),
          },
          iterations: given.iterations,
          learningRate: given.learningRate,
          weightDecay: given.weightDecay,
          heldOut: given.validation,
          patience: given.patience ?? Math.max(200, Math.round(given.iterations / 4)),
          longestWindow: given.window,
          scale: given.scale,
          seed: context.seed,
        },
      },
      context,
    );
    for (const line of summaryLines(summary)) context.say(line);
  },
});
