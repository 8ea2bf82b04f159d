/** @file What can be read and written: the lists that the command line prints, and that docs/models.md has. */
import { formats } from "./formats/index.ts";
import { onnxOperators } from "./formats/onnx/read/index.ts";
import { activationNames } from "./keras/activations.ts";
import { classNames } from "./keras/classes.ts";

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
