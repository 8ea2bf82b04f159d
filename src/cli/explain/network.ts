// The network that is explained, and how it takes pictures.
import type { Tensor } from "../../index.ts";
import type { Interpolation, LoadedModel, Picture, PreprocessMode } from "../../models/index.ts";
import { basename } from "node:path";
import type { Context } from "../command.ts";
import { classNamesFor } from "../model/classes.ts";
import { type Wanted, openNetwork } from "../model/open.ts";
import { inputOf, inputShapeOf, preprocessingOf } from "../model/picture.ts";

/** A network in use. */
export interface NetworkInUse {
  /** What results call it: its name, or the file's path. */
  readonly name: string;
  /** The same in few words, for figures. */
  readonly title: string;
  readonly model: LoadedModel;
  /** Undefined where nobody knows. */
  readonly classNames: readonly string[] | undefined;
  /** How many scores it gives. */
  readonly outputs: number;
  /** A picture as it takes it: [1, rows, columns, channels]. */
  readonly prepare: (picture: Picture) => Tensor;
  /** The rows and columns that it takes, and how pictures get them. */
  readonly size: readonly [rows: number, columns: number];
  readonly resize: Interpolation;
}

/** What was typed of pictures and classes. */
export interface Taking {
  readonly preprocess: PreprocessMode | undefined;
  readonly resize: Interpolation;
  readonly classes: string | undefined;
}

/** Opens the network, as `openNetwork`. What had to be guessed is said on stderr. */
export async function useNetwork(
  wanted: Wanted,
  { preprocess, resize, classes }: Taking,
  context: Context,
): Promise<NetworkInUse> {
  const opened = await openNetwork(wanted, context);
  const { model, architecture } = opened;
  const [rows, columns] = inputShapeOf(model);
  const { mode, guess } = preprocessingOf(opened, wanted.model, preprocess);
  const tell = (line: string): void => void (context.quiet || process.stderr.write(`${line}\n`));
  if (guess !== undefined) tell(`preprocessing is ${mode}: ${guess}; --preprocess says otherwise`);
  const outputs = ((model.outputShape ?? []) as readonly number[]).reduce((a, b) => a * b, 1);
  const { names, note } = await classNamesFor(outputs, classes);
  if (note !== undefined) tell(note);
  return {
    name: architecture?.name ?? wanted.model,
    title: architecture?.name ?? basename(wanted.model),
    model,
    classNames: names,
    outputs,
    prepare: (picture) => inputOf(picture, opened, mode, resize),
    size: [rows, columns],
    resize,
  };
}
