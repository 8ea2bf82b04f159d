// gather: copies the rows that indices name.
import { kernelBytes } from "../../../ir/dtype.ts";
import type { Value } from "../../../ir/graph.ts";
import { sizeOf } from "../../../ir/shape.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import { type DirectEmitter, paramsOf, pointAtRow, splitAt } from "./direct.ts";
import { repeat } from "./flow.ts";
import { advance, clear, pointAt, pointerTo } from "./pointers.ts";

/** Rows up to this many bytes are copied by instructions, longer ones by memory.copy, whose call costs about as much. */
const copiedInline = 256;

/** Indices beyond the axis are clamped to its ends; rows of an empty axis are zero. */
export const emitGather: DirectEmitter = (context, fn, work) => {
  const [x, indices] = work.inputs as [Value, Value];
  // The shape the node sees: memory may hold the same elements under another.
  const { outer, size, inner } = splitAt(work.node.inputs[0]!.shape, paramsOf<"gather">(work).axis);
  const count = sizeOf(indices.shape);
  const rowBytes = inner * kernelBytes[x.dtype];
  if (outer * count * inner === 0) return;
  const to = pointerTo(context, fn, work.out);
  if (size === 0) return clear(fn, to, outer * count * rowBytes);

  const source = pointerTo(context, fn, x);
  const first = pointerTo(context, fn, indices);
  const [index, row] = [fn.local("i32"), fn.local("i32")];
  repeat(fn, outer, () => {
    pointAt(fn, index, first);
    repeat(fn, count, () => {
      pointAtRow(fn, row, source, index, size, rowBytes);
      copy(fn, to, row, rowBytes);
      advance(fn, index, 4);
      advance(fn, to, rowBytes);
    });
    advance(fn, source, size * rowBytes);
  });
};

function copy(fn: FunctionBuilder, to: Local, from: Local, bytes: number): void {
  if (bytes > copiedInline) {
    fn.get(to);
    fn.get(from);
    fn.i32(bytes);
    fn.op("memory.copy");
    return;
  }
  let done = 0;
  for (const [type, width] of [
    ["v128", 16],
    ["i64", 8],
    ["i32", 4],
  ] as const) {
    for (; bytes - done >= width; done += width) {
      fn.get(to);
      fn.get(from);
      fn.load(`${type}.load`, done, 4);
      fn.store(`${type}.store`, done, 4);
    }
  }
}
