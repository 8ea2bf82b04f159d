// Arithmetic on vectors of four float32 numbers, written as calls: each result is a register of its own.
import type { FunctionBuilder, Local } from "../../../asm/index.ts";

/** Emits vector arithmetic into one function. */
export class Vectors {
  readonly #fn: FunctionBuilder;

  constructor(fn: FunctionBuilder) {
    this.#fn = fn;
  }

  load(pointer: Local, offset: number): Local {
    this.#fn.get(pointer);
    this.#fn.load("v128.load", offset, 4);
    return this.#keep();
  }

  store(pointer: Local, offset: number, vector: Local): void {
    this.#fn.get(pointer);
    this.#fn.get(vector);
    this.#fn.store("v128.store", offset, 4);
  }

  add(x: Local, y: Local): Local {
    return this.#binary("f32x4.add", x, y);
  }

  sub(x: Local, y: Local): Local {
    return this.#binary("f32x4.sub", x, y);
  }

  /** x times a constant. */
  times(x: Local, factor: number): Local {
    this.#fn.get(x);
    this.#fn.v128({ f32x4: [factor, factor, factor, factor] });
    this.#fn.op("f32x4.mul");
    return this.#keep();
  }

  #binary(op: string, x: Local, y: Local): Local {
    this.#fn.get(x);
    this.#fn.get(y);
    this.#fn.op(op);
    return this.#keep();
  }

  #keep(): Local {
    const kept = this.#fn.local("v128");
    this.#fn.set(kept);
    return kept;
  }
}
