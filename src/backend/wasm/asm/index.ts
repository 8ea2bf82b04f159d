/** @file The assembler: everything needed to write WebAssembly SIMD code. It knows nothing of tensors. */
export { AsmError } from "./encoding.ts";
export * from "./module.ts";
export { type Immediate, type Opcode, opcodes } from "./encoding.ts";
