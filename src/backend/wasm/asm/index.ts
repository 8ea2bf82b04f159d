// The assembler: everything needed to write WebAssembly SIMD code. It knows nothing of tensors.
export { AsmError } from "./error.ts";
export * from "./module.ts";
export { type Immediate, type Opcode, opcodes } from "./opcodes.ts";
