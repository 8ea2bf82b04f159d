/** @file The network that a command runs, and how it takes pictures. */
import type { Tensor } from "../../index.ts";
import type { Interpolation, LoadedModel, Picture, PreprocessMode } from "../../models/index.ts";
import { basename } from "node:path";
import type { Context } from "../command.ts";
import { WorkError } from "../errors.ts";
import { classNamesFor, inputOf, inputShapeOf, preprocessingOf } from "./picture.ts";
import { type Wanted, openNetwork } from "./open.ts";

/** A network in use. */
export interface NetworkInUse {
  /** What results call it: its name, or the file's path. */
  readonly name: string;
  /** The same in few words, for figures. */
  readonly title: string;
  readonly model: LoadedModel;
  /** Undefined where they are unknown. */
  readonly classNames: readonly string[] | undefined;
  /** How many classes can be asked for. One score may be a sigmoid's, which is two. */
  readonly classCount: number;
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

/**
 * Opens the network, as `openNetwork`. What had to be guessed is said on stderr.
 * Throws WorkError also for networks with several outputs.
 */
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
  const classCount = classCountOf(model);
  const { names, note } = await classNamesFor(classCount, classes);
  if (note !== undefined) tell(note);
  return {
    name: architecture?.name ?? wanted.model,
    title: architecture?.name ?? basename(wanted.model),
    model,
    classNames: names,
    classCount,
    prepare: (picture) => inputOf(picture, opened, mode, resize),
    size: [rows, columns],
    resize,
  };
}

function classCountOf({ outputShape = [] }: LoadedModel): number {
  const shapes = outputShape as readonly (number | readonly number[])[];
  const lists = shapes.filter((extent) => Array.isArray(extent));
  if (lists.length > 1)
    throw new WorkError(
      `the network has ${lists.length} outputs, and no single one that names classes; in code, output: 0, 1, ... says which to explain`,
    );
  const scores = shapes.flat().reduce((a, b) => a * b, 1);
  return Math.max(scores, 2);
}
