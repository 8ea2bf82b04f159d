// Ways out of a loop that are never taken, but make V8 keep the order and the registers that a loop of sums needs.
import type { FunctionBuilder, Label, Local } from "../asm/index.ts";

/**
 * Runs `body` with a function that emits a way out, to be called at most `count` times: after each step of a sum. It is
 * taken if `address`, where something is written, is a number so small that no memory of a kernel has it; the registers
 * would then be written there two by two.
 *
 * V8 (before Turboshaft) orders arithmetic backwards from where results are needed, past later loads if it can. Without a
 * way out after each step it would hold the operands of several steps at once, more than the sixteen registers of x64. And
 * because two sums are needed at once there, it puts two multiplications before their two additions; where they alternate,
 * a core with two multipliers and two adders (AMD Zen) loses a fifth, as it deals operations out in turns.
 */
export function withExits(
  fn: FunctionBuilder,
  registers: readonly Local[],
  address: Local,
  count: number,
  body: (wayOut: () => void) => void,
): void {
  const nest = (done: Label, exits: readonly Label[]): void => {
    if (exits.length === count) {
      let used = 0;
      body(() => {
        fn.get(address);
        fn.i32(used + 1);
        fn.op("i32.eq");
        fn.brIf(exits[used++]!);
      });
      fn.br(done);
      return;
    }
    fn.block((exit) => nest(done, [...exits, exit]));
    for (let i = 0; i < registers.length; i += 2) {
      fn.get(address);
      fn.get(registers[i]!);
      fn.get(registers[i + 1] ?? registers[i]!);
      fn.op("v128.xor");
      fn.store("v128.store", 0, 4);
    }
    fn.br(done);
  };
  fn.block((done) => nest(done, []));
}
