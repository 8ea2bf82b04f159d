// The error for WebAssembly code that would not validate, raised while it is being emitted.

/** Wrong use of the assembler: the message names the function, the instruction, what was expected and what was found. */
export class AsmError extends Error {
  override readonly name = "AsmError";
  /** Name of the function being assembled, or undefined for the module itself. */
  readonly functionName: string | undefined;
  /** Name of the instruction refused, where there is one. */
  readonly instruction: string | undefined;

  constructor(message: string, functionName?: string, instruction?: string) {
    super(message);
    this.functionName = functionName;
    this.instruction = instruction;
  }
}
