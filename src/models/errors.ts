/** @file What goes wrong with models and images from outside. */
import { AdjointError, complaint } from "../base/errors.ts";

/** A file that is not what it should be: the message names the file, the place in it, what was expected and what came. */
export class FormatError extends AdjointError {
  override readonly name: string = "FormatError";
}

/** Throws the FormatError in which `who` (a file, and a place in it) expected something else. */
export function refuse(who: string, expected: string, got: string, hint?: string): never {
  throw new FormatError(complaint(who, expected, got, hint));
}

/** A file that could not be had from where it is published: the message says from where, why, and where to put it by hand. */
export class DownloadError extends AdjointError {
  override readonly name: string = "DownloadError";
}
