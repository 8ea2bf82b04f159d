/** @file The error of files that are no checkpoints. */
import { AdjointError } from "../base/errors.ts";

/** A checkpoint that cannot be read, written, or used for what it was loaded for. */
export class CheckpointError extends AdjointError {
  override readonly name: string = "CheckpointError";
}
