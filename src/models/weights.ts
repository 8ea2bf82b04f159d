/** @file Arrays in files, and which parameters of a network they belong to. */
import type { Slot } from "./slots.ts";

/** An array of a file, not yet read. */
export interface StoredArray {
  /** As the file has it. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Reads all elements as floats, a few megabytes at a time. FormatError naming file and array. */
  readInto(elements: Float32Array | Float64Array): Promise<void>;
}

/** The arrays of a file, and which parameters they belong to. */
export interface Weights {
  /** The file, for messages. */
  readonly name: string;
  /** Bytes that the arrays take in the file. */
  readonly bytes: number;
  readonly arrays: readonly StoredArray[];
  /** The array for each parameter, undefined where there is none. */
  match(slots: readonly Slot[]): readonly (StoredArray | undefined)[];
}
