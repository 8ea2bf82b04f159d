/** @file The network that a command line names: by its name or by a file. */
import { stat } from "node:fs/promises";
import { ArgumentError } from "../../index.ts";
import {
  type Architecture,
  type LoadedModel,
  type WidthOptions,
  architectureOf,
  loadModel,
} from "../../models/index.ts";
import type { Context } from "../command.ts";
import { UsageError, WorkError, reason, interruptible } from "../errors.ts";
import { transferProgress } from "../progress.ts";

/** What was typed. */
export interface Wanted {
  /** A name or a file. */
  readonly model: string;
  readonly weights: string | undefined;
  readonly alpha: number | undefined;
}

/** A network that was found. */
export interface Opened {
  readonly model: LoadedModel;
  /** Undefined for a file. */
  readonly architecture: Architecture | undefined;
}

/** The architecture that is meant, or undefined where it is a file. A file of that name comes first, a folder does not. */
async function nameOrFile(text: string): Promise<Architecture | undefined> {
  const found = await stat(text).catch((error: unknown) => error as Error);
  if (!(found instanceof Error) && !found.isDirectory()) return undefined;
  try {
    return architectureOf(text);
  } catch (error) {
    if (!(found instanceof Error))
      throw new WorkError(`cannot read ${text}: it is a folder; give the file in it`);
    // What has a dot or a slash was meant as a file.
    if (/[./\\]/.test(text)) throw new WorkError(`cannot read ${text}: ${reason(found)}`);
    throw new UsageError(
      (error as Error).message.replace(/^architecture: expected/, "model: expected a file or"),
    );
  }
}

/** Options of the architecture, from those of the command line. */
function widthOf(
  { alpha }: Wanted,
  { name, ownOptions }: Architecture<WidthOptions>,
): WidthOptions {
  if (alpha === undefined) return {};
  if (ownOptions?.includes("alpha") !== true)
    throw new UsageError(`${name} comes in one width: --alpha is for mobilenet and mobilenetV2`);
  return { alpha };
}

/** Wrong options of a network were typed wrongly. */
function asUsage(error: unknown): never {
  throw error instanceof ArgumentError ? new UsageError(error.message) : error;
}

/**
 * Opens the network, with its weights.
 * Throws UsageError for unknown names and options that do not fit, WorkError for files that do not exist, and errors of the library
 * for files that are wrong and downloads that fail.
 */
export async function openNetwork(wanted: Wanted, context: Context): Promise<Opened> {
  const architecture = await nameOrFile(wanted.model);
  const { weights } = wanted;
  if (weights !== undefined && weights !== "imagenet") await checkFile(weights);
  const progress = transferProgress(context.quiet);
  const stopped = "stopped; a download that was begun is continued next time";
  try {
    return await interruptible(stopped, async (signal) => {
      const onProgress = progress.update;
      if (architecture === undefined) {
        if (wanted.alpha !== undefined)
          throw new UsageError("--alpha is for networks by name, and the model is a file");
        const model = await loadModel(wanted.model, {
          signal,
          onProgress: (done, total) =>
            onProgress({ stage: "read", file: wanted.model, done, total }),
          ...(weights !== undefined && { weights }),
        });
        return { model, architecture };
      }
      const options = {
        ...widthOf(wanted, architecture),
        weights: weights ?? "imagenet",
        signal,
        onProgress,
      };
      return { model: await architecture.build(options), architecture };
    });
  } catch (error) {
    return asUsage(error);
  } finally {
    progress.stop();
  }
}

/** The network to be looked at: one by name has no weights, and needs none. */
export async function outlineNetwork(wanted: Wanted, context: Context): Promise<Opened> {
  const architecture = await nameOrFile(wanted.model);
  if (architecture === undefined || wanted.weights !== undefined)
    return openNetwork(wanted, context);
  try {
    return { model: architecture.outline(widthOf(wanted, architecture)), architecture };
  } catch (error) {
    return asUsage(error);
  }
}

/**
 * Fails now if there is no such file.
 * Throws WorkError saying so.
 */
export async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    throw new WorkError(`cannot read ${path}: ${reason(error)}`);
  });
  if (found.isDirectory()) throw new WorkError(`cannot read ${path}: it is a folder`);
}
