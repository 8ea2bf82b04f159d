/** @file The kernels of convolutions, by algorithm. */
import type { ConvAlgorithm } from "../../../../ir/conv.ts";
import { InternalError } from "../../../../base/errors.ts";
import type { ConvFilterWork, ConvWork, PrepareKernelWork } from "../../../../ir/kernel.ts";
import type { PhasedEmitter } from "../../emit.ts";
import { emitDepthwiseFilter } from "./depthwise-filter.ts";
import { emitDepthwiseKernel, emitDepthwise } from "./depthwise.ts";
import { isDirect, emitDirect } from "./direct.ts";
import { emitGemmFilter } from "./gemm-filter.ts";
import { emitGemmConv, emitGemmKernel } from "./gemm.ts";
import { emitWinograd, emitWinogradFilter, emitWinogradKernel } from "./winograd/index.ts";

interface Emitters {
  readonly conv: PhasedEmitter<ConvWork>;
  readonly convFilter: PhasedEmitter<ConvFilterWork>;
  readonly prepareKernel: PhasedEmitter<PrepareKernelWork>;
}

const winograd: Emitters = {
  conv: emitWinograd,
  convFilter: emitWinogradFilter,
  prepareKernel: emitWinogradKernel,
};

const emitters: { readonly [A in ConvAlgorithm]?: Emitters } = {
  depthwise: {
    conv: emitDepthwise,
    convFilter: emitDepthwiseFilter,
    prepareKernel: emitDepthwiseKernel,
  },
  winograd4: winograd,
  winograd5: winograd,
  winograd6: winograd,
  winograd8: winograd,
  gemm: {
    conv: (context, work) => (isDirect(work.shape) ? emitDirect : emitGemmConv)(context, work),
    convFilter: emitGemmFilter,
    prepareKernel: emitGemmKernel,
  },
};

function emittersOf(algorithm: ConvAlgorithm): Emitters {
  const found = emitters[algorithm];
  if (found === undefined) throw new InternalError(`no kernels for ${algorithm}`);
  return found;
}

/** Emits a convolution with a prepared kernel. */
export const emitConv: PhasedEmitter<ConvWork> = (context, work) =>
  emittersOf(work.algorithm).conv(context, work);

/** Emits the gradient of a convolution's kernel. */
export const emitConvFilter: PhasedEmitter<ConvFilterWork> = (context, work) =>
  emittersOf(work.algorithm).convFilter(context, work);

/** Emits the preparation of a kernel. */
export const emitPrepareKernel: PhasedEmitter<PrepareKernelWork> = (context, work) =>
  emittersOf(work.algorithm).prepareKernel(context, work);
