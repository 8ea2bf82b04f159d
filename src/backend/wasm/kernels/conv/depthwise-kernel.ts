// The kernel of a depthwise convolution, laid out tap by tap.
import type { PrepareKernelWork } from "../../../../ir/kernel.ts";
import type { PhasedEmitter } from "../../emit.ts";
import { repeat } from "../flow.ts";
import { lanesOf } from "../lanes.ts";
import { advance, pointAt, pointerTo } from "../pointers.ts";

/** Copies a kernel [KH, KW, 1, C] of any strides to [KH * KW, C], contiguous. */
export const emitDepthwiseKernel: PhasedEmitter<PrepareKernelWork> = (context, work) => {
  const { dtype, kernelHeight, kernelWidth, channels } = work.shape;
  const { bytes } = lanesOf(dtype);
  const { value, view } = work.kernel;
  const [rowStep, columnStep, , step] = view.strides.map((stride) => stride * bytes) as [
    number,
    number,
    number,
    number,
  ];
  context.phase(1, ({ fn }) => {
    const from = pointerTo(context, fn, value, view.offset * bytes);
    const to = pointerTo(context, fn, work.out);
    const [column, element] = [fn.local("i32"), fn.local("i32")];
    const type = bytes === 4 ? "i32" : "i64";
    const move = (instructions: string, width: number): void => {
      fn.get(to);
      fn.get(element);
      fn.load(`${instructions}.load`, 0, bytes);
      fn.store(`${instructions}.store`, 0, bytes);
      advance(fn, element, width * step);
      advance(fn, to, width * bytes);
    };
    const vectors = step === bytes ? Math.floor((channels * bytes) / 16) : 0;
    repeat(fn, kernelHeight, () => {
      pointAt(fn, column, from);
      repeat(fn, kernelWidth, () => {
        pointAt(fn, element, column);
        repeat(fn, vectors, () => move("v128", 16 / bytes));
        repeat(fn, channels - (vectors * 16) / bytes, () => move(type, 1));
        advance(fn, column, columnStep);
      });
      advance(fn, from, rowStep);
    });
  });
};
