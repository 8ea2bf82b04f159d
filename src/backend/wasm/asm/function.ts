/**
 * @file Builds one WebAssembly function, and checks every instruction against a tracked operand stack as it is emitted.
 */
import { Bytes, AsmError, type Opcode, opcodes, typeCode, type ValType } from "./encoding.ts";

/** Parameter and result types of a function. */
export interface Signature {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

/** Something that can be called: an import, or a function of the module, finished or not. */
export interface FunctionHandle extends Signature {
  readonly name: string;
  readonly index: number;
}

/** A parameter or local variable of one function. */
export interface Local {
  readonly index: number;
  readonly type: ValType;
}

/** A branch target: the end of a block or `if`, the start of a loop. Valid only inside its own callback. */
export interface Label {
  readonly kind: "function" | "block" | "loop" | "if";
}

/** A 128-bit constant: sixteen bytes, or lanes. */
export type V128 =
  | Uint8Array
  | { readonly f32x4: readonly number[] }
  | { readonly f64x2: readonly number[] }
  | { readonly i32x4: readonly number[] }
  | { readonly i64x2: readonly bigint[] };

interface Frame extends Label {
  readonly depth: number;
  readonly height: number;
  /** Types a branch to this label carries, and types left on the stack at its end. */
  readonly carried: readonly ValType[];
  readonly results: readonly ValType[];
  /** After an unconditional branch the stack is polymorphic: anything may be popped. */
  unreachable: boolean;
}

const none: readonly ValType[] = [];
const lanes = new DataView(new ArrayBuffer(16));
const laneBytes = new Uint8Array(lanes.buffer);

/**
 * Emits the body of one function. Methods append one instruction each and return nothing; every one of them throws
 * `AsmError` if the operand stack does not hold what the instruction takes. Made by `WasmModule.func`.
 */
export class FunctionBuilder {
  readonly handle: FunctionHandle;
  readonly exported: boolean;
  readonly #code = new Bytes(512);
  readonly #locals: Local[] = [];
  readonly #stack: ValType[] = [];
  readonly #frames: Frame[] = [];
  #finished = false;

  constructor(handle: FunctionHandle, exported: boolean) {
    this.handle = handle;
    this.exported = exported;
    for (const type of handle.params) this.#locals.push({ index: this.#locals.length, type });
    this.#push("function", handle.results, handle.results);
  }

  /** The i-th parameter. */
  param(i: number): Local {
    if (i < 0 || i >= this.handle.params.length) {
      throw this.#error(
        "param",
        `has ${this.handle.params.length} parameters, asked for number ${i}`,
      );
    }
    return this.#locals[i]!;
  }

  /** A new local variable, zero at entry. */
  local(type: ValType): Local {
    const local = { index: this.#locals.length, type };
    this.#locals.push(local);
    return local;
  }

  get(local: Local): void {
    this.#variable("local.get", 0x20, local);
    this.#stack.push(local.type);
  }

  set(local: Local): void {
    this.#pop("local.set", local.type);
    this.#variable("local.set", 0x21, local);
  }

  /** Stores the top of the stack and leaves it there. */
  tee(local: Local): void {
    this.#pop("local.tee", local.type);
    this.#variable("local.tee", 0x22, local);
    this.#stack.push(local.type);
  }

  i32(value: number): void {
    this.#emit(0x41).s32(value);
    this.#stack.push("i32");
  }

  i64(value: bigint): void {
    this.#emit(0x42).s64(value);
    this.#stack.push("i64");
  }

  f32(value: number): void {
    this.#emit(0x43).f32(value);
    this.#stack.push("f32");
  }

  f64(value: number): void {
    this.#emit(0x44).f64(value);
    this.#stack.push("f64");
  }

  v128(value: V128): void {
    const bytes = this.v128Bytes(value);
    this.#emit(0xfd).u8(12).raw(bytes);
    this.#stack.push("v128");
  }

  /** Any instruction without immediates ("i32.add", "f32x4.mul", "memory.fill"...). */
  op(name: string): void {
    const opcode = this.#opcode(name);
    const { immediate } = opcode;
    if (immediate !== "none" && immediate !== "zero" && immediate !== "zeroZero") {
      throw this.#error(
        name,
        `needs a ${immediate} immediate: use load, store, loadLane, storeLane, lane or shuffle`,
      );
    }
    this.#apply(opcode);
    if (immediate !== "none") this.#code.u8(0);
    if (immediate === "zeroZero") this.#code.u8(0);
    if (name === "unreachable") this.#cut();
  }

  /**
   * A load: takes the address (i32), leaves the value. `offset` is constant, in [0, 2^32); `align` in bytes is a hint and
   * at most the size of the access. Also emits every other memory instruction without a lane (atomics).
   */
  load(name: string, offset = 0, align?: number): void {
    this.#memory(name, "memory", offset, align);
  }

  /** A store: takes the address (i32) and the value. `offset` and `align` as for `load`. */
  store(name: string, offset = 0, align?: number): void {
    this.#memory(name, "memory", offset, align);
  }

  /** Loads one lane: takes the address and a v128, leaves the v128 with lane `lane` replaced. */
  loadLane(name: string, lane: number, offset = 0, align?: number): void {
    this.#memory(name, "memoryLane", offset, align, lane);
  }

  /** Stores lane `lane`: takes the address and a v128. */
  storeLane(name: string, lane: number, offset = 0, align?: number): void {
    this.#memory(name, "memoryLane", offset, align, lane);
  }

  /** `extract_lane` and `replace_lane` of every shape. */
  lane(name: string, lane: number): void {
    const opcode = this.#opcode(name);
    if (opcode.immediate !== "lane") throw this.#error(name, "takes no lane");
    if (!(lane >= 0 && lane < opcode.size))
      throw this.#error(name, `has ${opcode.size} lanes, asked for ${lane}`);
    this.#apply(opcode);
    this.#code.u8(lane);
  }

  /** `i8x16.shuffle`: byte i of the result is byte `indices[i]` of the two operands laid end to end. */
  shuffle(indices: readonly number[]): void {
    const name = "i8x16.shuffle";
    if (indices.length !== 16 || indices.some((index) => !(index >= 0 && index < 32))) {
      throw this.#error(name, `expected 16 byte indices in [0, 32), got [${indices.join(", ")}]`);
    }
    this.#apply(this.#opcode(name));
    this.#code.raw(indices);
  }

  /** A block; branching to its label leaves it. */
  block(body: (end: Label) => void): void {
    this.#emit(0x02).u8(0x40);
    body(this.#push("block", none, none));
    this.#end();
  }

  /** A loop; branching to its label runs it again, and reaching its end leaves it. */
  loop(body: (top: Label) => void): void {
    this.#emit(0x03).u8(0x40);
    body(this.#push("loop", none, none));
    this.#end();
  }

  /** Takes an i32 and runs `then` if it is not zero, else `otherwise`. */
  if(then: (end: Label) => void, otherwise?: (end: Label) => void): void {
    this.#conditional(none, then, otherwise);
  }

  /** Like `if`, but both branches leave one value of the type given. */
  ifResult(type: ValType, then: (end: Label) => void, otherwise: (end: Label) => void): void {
    this.#conditional([type], then, otherwise);
  }

  br(label: Label): void {
    const frame = this.#frame("br", label);
    this.#popAll("br", frame.carried);
    this.#emit(0x0c).u32(this.#frames.length - 1 - frame.depth);
    this.#cut();
  }

  /** Takes an i32 and branches if it is not zero. */
  brIf(label: Label): void {
    const frame = this.#frame("br_if", label);
    this.#pop("br_if", "i32");
    this.#popAll("br_if", frame.carried);
    this.#stack.push(...frame.carried);
    this.#emit(0x0d).u32(this.#frames.length - 1 - frame.depth);
  }

  return(): void {
    this.#popAll("return", this.handle.results);
    this.#emit(0x0f);
    this.#cut();
  }

  drop(): void {
    this.#pop("drop");
    this.#emit(0x1a);
  }

  /** Takes a, b and an i32; leaves a if the i32 is not zero, else b. */
  select(): void {
    this.#pop("select", "i32");
    const found = this.#pop("select");
    const type = this.#pop("select", found) ?? found ?? "i32";
    // Untyped `select` is defined for numbers only; vectors need the form that names the type.
    if (type === "v128") this.#emit(0x1c).u8(1).u8(typeCode.v128);
    else this.#emit(0x1b);
    this.#stack.push(type);
  }

  call(target: FunctionBuilder | FunctionHandle): void {
    const handle = target instanceof FunctionBuilder ? target.handle : target;
    this.#popAll(`call ${handle.name}`, handle.params);
    this.#emit(0x10).u32(handle.index);
    this.#stack.push(...handle.results);
  }

  /** Closes the function and returns its entry of the code section. Called by `WasmModule.finish`. */
  finish(): Bytes {
    if (!this.#finished) {
      if (this.#frames.length !== 1) throw this.#error("end", "was finished inside an open block");
      this.#end();
      this.#finished = true;
    }
    const body = new Bytes(this.#code.length + 64);
    const groups: { type: ValType; count: number }[] = [];
    for (const { type } of this.#locals.slice(this.handle.params.length)) {
      const last = groups.at(-1);
      if (last?.type === type) last.count++;
      else groups.push({ type, count: 1 });
    }
    body.u32(groups.length);
    for (const { type, count } of groups) body.u32(count).u8(typeCode[type]);
    return body.raw(this.#code.view());
  }

  #emit(code: number): Bytes {
    if (this.#finished) throw this.#error("emit", "is finished and takes no more instructions");
    return this.#code.u8(code);
  }

  #opcode(name: string): Opcode {
    const opcode = opcodes.get(name);
    if (opcode === undefined) throw this.#error(name, "is no instruction the assembler knows");
    return opcode;
  }

  #apply(opcode: Opcode): void {
    const { operands, result, prefix, code, name } = opcode;
    for (let i = operands.length - 1; i >= 0; i--) this.#pop(name, operands[i]);
    if (prefix === 0) this.#emit(code);
    else this.#emit(prefix).u32(code);
    if (result !== undefined) this.#stack.push(result);
  }

  #memory(
    name: string,
    immediate: "memory" | "memoryLane",
    offset: number,
    align?: number,
    lane = 0,
  ): void {
    const opcode = this.#opcode(name);
    const { size } = opcode;
    if (opcode.immediate !== immediate) throw this.#error(name, `takes no ${immediate} immediate`);
    if (!(Number.isInteger(offset) && offset >= 0 && offset < 2 ** 32)) {
      throw this.#error(name, `expected an integer offset in [0, 2^32), got ${offset}`);
    }
    const hint = align ?? size;
    const exponent = 31 - Math.clz32(hint);
    if (
      hint !== 2 ** exponent ||
      hint < 1 ||
      hint > size ||
      (opcode.prefix === 0xfe && hint !== size)
    ) {
      throw this.#error(
        name,
        `expected an alignment that is a power of two up to ${size}, got ${hint}`,
      );
    }
    this.#apply(opcode);
    this.#code.u32(exponent).u32(offset);
    if (immediate === "memory") return;
    if (!(lane >= 0 && lane < 16 / size))
      throw this.#error(name, `has ${16 / size} lanes, asked for ${lane}`);
    this.#code.u8(lane);
  }

  #variable(name: string, code: number, local: Local): void {
    if (this.#locals[local.index] !== local) {
      throw this.#error(name, `was given local ${local.index} (${local.type}) of another function`);
    }
    this.#emit(code).u32(local.index);
  }

  #conditional(
    results: readonly ValType[],
    then: (end: Label) => void,
    otherwise?: (end: Label) => void,
  ): void {
    this.#pop("if", "i32");
    this.#emit(0x04).u8(results.length === 0 ? 0x40 : typeCode[results[0]!]);
    then(this.#push("if", results, results));
    if (otherwise !== undefined) {
      this.#close("else");
      this.#emit(0x05);
      otherwise(this.#push("if", results, results));
    }
    this.#end();
    this.#stack.push(...results);
  }

  #push(kind: Label["kind"], carried: readonly ValType[], results: readonly ValType[]): Frame {
    const depth = this.#frames.length;
    const frame: Frame = {
      kind,
      depth,
      height: this.#stack.length,
      carried,
      results,
      unreachable: false,
    };
    this.#frames.push(frame);
    return frame;
  }

  /** Checks that the innermost frame leaves exactly its results, and removes both. */
  #close(instruction: string): void {
    const frame = this.#frames.at(-1)!;
    this.#popAll(`${instruction} of ${frame.kind}`, frame.results);
    if (this.#stack.length > frame.height) {
      const left = this.#stack.slice(frame.height).join(", ");
      throw this.#error(
        `${instruction} of ${frame.kind}`,
        `expected [${frame.results.join(", ")}], found also [${left}]`,
      );
    }
    this.#frames.pop();
  }

  #end(): void {
    this.#close("end");
    this.#emit(0x0b);
  }

  #frame(instruction: string, label: Label): Frame {
    const frame = this.#frames.find((open) => open === label);
    if (frame === undefined)
      throw this.#error(instruction, "was given a label of a block that is not open here");
    return frame;
  }

  #cut(): void {
    const frame = this.#frames.at(-1)!;
    this.#stack.length = frame.height;
    frame.unreachable = true;
  }

  #pop(instruction: string, expected?: ValType): ValType | undefined {
    const frame = this.#frames[this.#frames.length - 1]!;
    if (this.#stack.length === frame.height) {
      if (frame.unreachable) return expected;
      throw this.#error(instruction, `expected ${expected ?? "a value"}, found an empty stack`);
    }
    const found = this.#stack.pop()!;
    if (expected !== undefined && found !== expected) {
      throw this.#error(instruction, `expected ${expected}, found ${found}`);
    }
    return found;
  }

  #popAll(instruction: string, types: readonly ValType[]): void {
    for (let i = types.length - 1; i >= 0; i--) this.#pop(instruction, types[i]);
  }

  v128Bytes(value: V128): Uint8Array {
    const wrong = (shape: string, count: number): AsmError =>
      this.#error("v128.const", `expected ${shape}, got ${count} of them`);
    if (value instanceof Uint8Array) {
      if (value.length !== 16) throw wrong("16 bytes", value.length);
      return value;
    }
    const expect = (count: number, given: readonly unknown[]): void => {
      if (given.length !== count) throw wrong(`${count} lanes`, given.length);
    };
    if ("f32x4" in value) {
      expect(4, value.f32x4);
      for (let i = 0; i < 4; i++) lanes.setFloat32(4 * i, value.f32x4[i]!, true);
    } else if ("i32x4" in value) {
      expect(4, value.i32x4);
      for (let i = 0; i < 4; i++) lanes.setInt32(4 * i, value.i32x4[i]!, true);
    } else if ("f64x2" in value) {
      expect(2, value.f64x2);
      for (let i = 0; i < 2; i++) lanes.setFloat64(8 * i, value.f64x2[i]!, true);
    } else {
      expect(2, value.i64x2);
      for (let i = 0; i < 2; i++) lanes.setBigInt64(8 * i, value.i64x2[i]!, true);
    }
    return laneBytes;
  }

  #error(instruction: string, problem: string): AsmError {
    const { name } = this.handle;
    return new AsmError(`function "${name}": ${instruction} ${problem}`, name, instruction);
  }
}
