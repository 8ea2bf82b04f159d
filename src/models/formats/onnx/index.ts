/** @file ONNX: classifiers of PyTorch, Caffe2, CNTK and others. */
import type { Format } from "../../format.ts";
import { fields } from "./schema.ts";
import { longestHead, readHead } from "./read/file.ts";
import { opsets, readOnnx } from "./read/index.ts";
import { exportOnnx } from "./write/index.ts";

/** ONNX. */
export const onnx: Format = {
  name: "onnx",
  description: `ONNX: image classifiers of opset ${opsets.first} to ${opsets.last}, with external data too`,
  extensions: [".onnx"],
  detect: isModel,
  read: readOnnx,
  write: (model) => exportOnnx(model),
};

/** Numbers of the fields that a model may have: the used ones, its description, metadata, and functions. */
const known: readonly number[] = [...Object.values(fields.model), 4, 5, 6, 14, 20, 25, 26];

/** Whether bytes begin like a model: protocol buffers have no magic number, but every field says which it is. */
function isModel(head: Uint8Array): boolean {
  let at = 0;
  try {
    while (at + longestHead < head.length || at === 0) {
      const field = readHead("", head.subarray(at), at, Infinity);
      if (!known.includes(field.number)) return false;
      at += field.head + field.length;
    }
  } catch {
    return false;
  }
  return head[0] === 8 * fields.model.irVersion || at > head.length;
}
