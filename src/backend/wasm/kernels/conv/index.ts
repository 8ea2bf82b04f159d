// Convolutions by algorithm.
import { InternalError } from "../../../../ir/errors.ts";
import type { ConvFilterWork, ConvWork, PrepareKernelWork } from "../../../../ir/kernel.ts";
import type { PhasedEmitter } from "../../emit.ts";

/** Emits a convolution with a prepared kernel. */
export const emitConv: PhasedEmitter<ConvWork> = (_context, { algorithm }) => {
  throw new InternalError(`no convolution by ${algorithm}`);
};

/** Emits the gradient of a convolution's kernel. */
export const emitConvFilter: PhasedEmitter<ConvFilterWork> = (_context, { algorithm }) => {
  throw new InternalError(`no kernel gradient by ${algorithm}`);
};

/** Emits the preparation of a kernel. */
export const emitPrepareKernel: PhasedEmitter<PrepareKernelWork> = (_context, { algorithm }) => {
  throw new InternalError(`no prepared kernel for ${algorithm}`);
};
