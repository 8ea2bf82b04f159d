/** @file How much larger than its file what is in it may be. */
import { complaint } from "../base/errors.ts";
import { FormatError } from "./errors.ts";

/**
 * No file unpacks to more than so many times its bytes: weights do not compress much, and an archive that claims to is there to
 * fill memory. Small ones may.
 */
const largestRatio = 100;
const alwaysFine = 1 << 26;

/** Throws FormatError naming `who` where so many bytes cannot come from those stored. */
export function checkSwelling(who: string, bytes: number, stored: number): void {
  if (bytes <= alwaysFine || bytes <= largestRatio * stored) return;
  throw new FormatError(
    complaint(
      who,
      `at most ${largestRatio} times the ${stored} bytes that are stored`,
      `${bytes} bytes`,
      "The file is damaged, or made to fill memory.",
    ),
  );
}
