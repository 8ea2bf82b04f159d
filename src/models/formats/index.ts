/** @file Every file format, in the order in which they are tried. A format is one file (or folder) here and one line below. */
import type { Format } from "../format.ts";
import { hdf5 } from "./hdf5.ts";
import { keras } from "./keras.ts";
import { onnx } from "./onnx/index.ts";
import { safetensors } from "./safetensors.ts";
import { tfjs } from "./tfjs.ts";

/** All of them. */
export const formats: readonly Format[] = [hdf5, keras, safetensors, tfjs, onnx];
