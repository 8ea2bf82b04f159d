/**
 * @file Every file format, in the order in which they are tried, and what can be read and written. A format is one file (or
 * folder) here and one line below.
 */
import type { Format } from "../format.ts";
import { hdf5, keras } from "./keras.ts";
import { onnx } from "./onnx/index.ts";
import { safetensors } from "./safetensors.ts";
import { tfjs } from "./tfjs.ts";
import { onnxOperators } from "./onnx/read/index.ts";
import { activationNames } from "../keras/settings.ts";
import { classNames } from "../keras/classes.ts";

/** All of them. */
export const formats: readonly Format[] = [hdf5, keras, safetensors, tfjs, onnx];

/** What `supportedFormats` tells of a format. */
export interface FormatInfo {
  readonly name: string;
  readonly description: string;
  readonly extensions: readonly string[];
  /** Whether `saveModel` writes it. */
  readonly isWritten: boolean;
}

/** The file formats, and what networks described by Keras or TensorFlow.js, or in ONNX, may consist of. */
export function supportedFormats(): {
  readonly formats: readonly FormatInfo[];
  readonly layers: readonly string[];
  readonly activations: readonly string[];
  /** ONNX' operators, and what of each where that is not everything. */
  readonly operators: readonly { readonly name: string; readonly note: string | undefined }[];
} {
  return {
    formats: formats.map(({ name, description, extensions, write }) => ({
      name,
      description,
      extensions,
      isWritten: write !== undefined,
    })),
    layers: classNames,
    activations: activationNames,
    operators: onnxOperators(),
  };
}
