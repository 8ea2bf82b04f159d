// `adjoint predict`: a model's values at regular times, as CSV.
import { type Command, command, option } from "../command.ts";
import { UsageError, WorkError } from "../errors.ts";
import * as values from "../values.ts";

export const predict: Command = command({
  name: "predict",
  help: "compute a fitted model's values at any times, the future included",
  arguments: [{ name: "<model>", help: "model file that adjoint fit wrote" }],
  notes: `Example:
  adjoint predict model.json --from 0 --to 30 --points 300 -o forecast.csv`,
  options: {
    from: option(
      "--from <time>",
      "first time (default: of the data)",
      values.optional(values.number),
      undefined,
    ),
    to: option(
      "--to <time>",
      "last time (default: half of the data's span after its end)",
      values.optional(values.number),
      undefined,
    ),
    points: option("--points <n>", "how many times", values.whole(1, 1e6), 300, "300"),
    output: option(
      "-o, --output <file>",
      "where the CSV goes (default: standard output)",
      values.optional(values.path),
      undefined,
    ),
  },
  run: async ([file], given, context) => {
    const [{ toCsv }, { checkWritable, writeAtomic }, { readModel }] = await Promise.all([
      import("../csv/write.ts"),
      import("../files.ts"),
      import("../fit/model-file.ts"),
    ]);
    const { output, points } = given;
    const model = await readModel(file!);
    const { first, last } = model.span;
    const from = given.from ?? first;
    const to = given.to ?? last + (last - first) / 2;
    if (points > 1 && !(to > from)) {
      throw new UsageError(`expected --to after --from, got ${from} to ${to}`);
    }
    if (output !== undefined) await checkWritable(output);
    const { forecaster } = await import("../fit/trajectory.ts");
    const times = Float64Array.from({ length: points }, (_, i) =>
      i === points - 1 && points > 1 ? to : from + (i * (to - from)) / Math.max(1, points - 1),
    );
    const { values: found, failure } = forecaster(model).at(times);
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
