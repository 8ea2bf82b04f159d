/** @file The error of files that do not hold the data they should. */
import { AdjointError } from "../../base/errors.ts";

/** Data from outside that cannot be read: truncated, too large, or of another format. */
export class DataError extends AdjointError {
  override readonly name: string = "DataError";
}
