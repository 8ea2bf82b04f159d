// The kernels written by hand rather than generated from loop nests, by the primitive they compute.
export { emitMatmul } from "./matmul.ts";
