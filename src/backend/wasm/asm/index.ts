// The assembler: everything needed to write WebAssembly SIMD code. It knows nothing of tensors.
export { AsmError } from "./error.ts";
export {
  FunctionBuilder,
  type FunctionHandle,
  type Label,
  type Local,
  type Signature,
  type V128,
} from "./function.ts";
export { type FunctionOptions, type MemoryLimits, WasmModule } from "./module.ts";
export { type Immediate, type Opcode, opcodes, type ValType } from "./opcodes.ts";
