/** @file `adjoint predict`: a fitted model's values at regular times, as CSV. */
import { finite, text, whole } from "../../base/kinds.ts";
import { optional } from "../../base/options.ts";
import { type Command, command, flag } from "../command.ts";
import { UsageError, WorkError } from "../errors.ts";

/** Models are small: a larger file is something else. */
const cap = 64 * 2 ** 20;

export const predict: Command = command({
  name: "predict",
  help: "compute a fitted model's values at any times, the future included",
  arguments: [{ name: "<model>", help: "model file that adjoint fit wrote" }],
  notes: `Example:
  adjoint predict model.json --from 0 --to 30 --points 300 -o forecast.csv`,
  flags: {
    from: flag(
      "--from <time>",
      optional(finite, undefined, "first time (default: the data's first)"),
    ),
    to: flag(
      "--to <time>",
      optional(finite, undefined, "last time (default: half of the data's span after its end)"),
    ),
    points: flag("--points <n>", optional(whole(1, 1e6), 300, "number of times")),
    output: flag(
      "-o, --output <file>",
      optional(text, undefined, "file for the CSV (default: standard output)"),
    ),
  },
  run: async ([file], given, context) => {
    const [{ toCsv }, { checkWritable, readText, writeAtomic }, { decodeSeriesModel, forecast }] =
      await Promise.all([
        import("../csv.ts"),
        import("../files.ts"),
        import("../../series/index.ts"),
      ]);
    const { output, points } = given;
    const model = decodeSeriesModel(await readText(file!, cap), file!);
    const { first, last } = model.span;
    const from = given.from ?? first;
    const to = given.to ?? last + (last - first) / 2;
    if (points > 1 && !(to > from)) {
      throw new UsageError(`expected --to after --from, got ${from} to ${to}`);
    }
    if (output !== undefined) await checkWritable(output);
    const times = Float64Array.from({ length: points }, (_, i) =>
      i === points - 1 && points > 1 ? to : from + (i * (to - from)) / Math.max(1, points - 1),
    );
    const { values: found, failure } = forecast(model, times);
    if (failure) {
      throw new WorkError(
        `${file}: the forecast cannot be computed up to ${failure.time} (${failure.status}): ` +
          "the model runs away there; ask for a shorter span",
      );
    }
    const width = model.names.length;
    const columns = model.names.map((_, c) => found.filter((_value, i) => i % width === c));
    const csv = toCsv([model.timeName, ...model.names], [times, ...columns]);
    if (output === undefined) process.stdout.write(csv);
    else {
      await writeAtomic(output, csv);
      context.say(`wrote ${output}: ${points} rows`);
    }
  },
});
