/** @file Builds one WebAssembly module from types, imports, functions and exports; `finish` returns its bytes. */
import { Bytes, AsmError, typeCode, type ValType } from "./encoding.ts";
import { FunctionBuilder, type FunctionHandle, type Signature } from "./function.ts";

export {
  FunctionBuilder,
  type FunctionHandle,
  type Label,
  type Local,
  type V128,
} from "./function.ts";
export type { ValType } from "./encoding.ts";

/** Limits of an imported memory, in pages of 64 KiB. A shared memory needs a maximum. */
export interface MemoryLimits {
  readonly initial: number;
  readonly maximum?: number;
  readonly shared?: boolean;
}

/** A signature, and whether the host sees the function under its name. */
export interface FunctionOptions extends Signature {
  readonly exported?: boolean;
}

interface ImportedFunction extends FunctionHandle {
  readonly module: string;
  readonly field: string;
}

/**
 * A WebAssembly module under construction. Imports come first, because function indices count them; then functions in
 * any order, also mutually recursive; then `finish`.
 */
export class WasmModule {
  readonly #types: Signature[] = [];
  readonly #typeIndices = new Map<string, number>();
  readonly #imports: ImportedFunction[] = [];
  readonly #functions: FunctionBuilder[] = [];
  readonly #exportedNames = new Set<string>();
  #memory: { module: string; field: string; limits: MemoryLimits } | undefined;

  /** Imports the memory that all memory instructions address. One a module. */
  importMemory(module: string, field: string, limits: MemoryLimits): void {
    if (this.#memory !== undefined)
      throw new AsmError(`module: a second memory ("${module}.${field}") is not supported`);
    if (limits.shared === true && limits.maximum === undefined) {
      throw new AsmError(`module: the shared memory "${module}.${field}" needs a maximum`);
    }
    this.#memory = { module, field, limits };
  }

  /** Imports a host function. */
  importFunction(module: string, field: string, signature: Signature): FunctionHandle {
    if (this.#functions.length > 0) {
      throw new AsmError(
        `module: import "${module}.${field}" before the first function: indices count imports first`,
      );
    }
    const { params, results } = signature;
    const handle = {
      name: `${module}.${field}`,
      index: this.#imports.length,
      params,
      results,
      module,
      field,
    };
    this.#imports.push(handle);
    return handle;
  }

  /** Opens a new function. Its body may be emitted at any time before `finish`. */
  func(name: string, options: FunctionOptions): FunctionBuilder {
    const { params, results, exported = false } = options;
    if (exported) {
      if (this.#exportedNames.has(name))
        throw new AsmError(`module: two functions are exported as "${name}"`, name);
      this.#exportedNames.add(name);
    }
    const index = this.#imports.length + this.#functions.length;
    const fn = new FunctionBuilder({ name, index, params, results }, exported);
    this.#functions.push(fn);
    return fn;
  }

  /** The binary. Throws `AsmError` if some function does not leave its results. */
  finish(): Uint8Array<ArrayBuffer> {
    const bodies = this.#functions.map((fn) => fn.finish());
    const imports = this.#importSection();
    const functions = this.#functions.map((fn) => new Bytes(16).u32(this.#typeIndex(fn.handle)));
    const exports = this.#functions
      .filter((fn) => fn.exported)
      .map((fn) => new Bytes().name(fn.handle.name).u8(0).u32(fn.handle.index));
    const types = this.#types.map(encodeType);

    const out = new Bytes(bodies.reduce((sum, body) => sum + body.length + 16, 1024));
    out.raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    section(out, 1, types);
    section(out, 2, imports);
    section(out, 3, functions);
    section(out, 7, exports);
    section(
      out,
      10,
      bodies.map((body) => new Bytes(body.length + 5).sized(body)),
    );
    return out.toUint8Array();
  }

  #typeIndex(signature: Signature): number {
    const key = `${signature.params.join()}>${signature.results.join()}`;
    let index = this.#typeIndices.get(key);
    if (index === undefined) {
      index = this.#types.push(signature) - 1;
      this.#typeIndices.set(key, index);
    }
    return index;
  }

  #importSection(): Bytes[] {
    const entries = this.#imports.map((fn) =>
      new Bytes().name(fn.module).name(fn.field).u8(0).u32(this.#typeIndex(fn)),
    );
    if (this.#memory !== undefined) {
      const { module, field, limits } = this.#memory;
      const flags = (limits.maximum === undefined ? 0 : 1) | (limits.shared === true ? 2 : 0);
      const entry = new Bytes().name(module).name(field).u8(2).u8(flags).u32(limits.initial);
      if (limits.maximum !== undefined) entry.u32(limits.maximum);
      entries.push(entry);
    }
    return entries;
  }
}

function section(out: Bytes, id: number, entries: readonly Bytes[]): void {
  if (entries.length === 0) return;
  const content = new Bytes(entries.reduce((sum, entry) => sum + entry.length, 16)).u32(
    entries.length,
  );
  for (const entry of entries) content.raw(entry.view());
  out.u8(id).sized(content);
}

function encodeType({ params, results }: Signature): Bytes {
  const codes = (types: readonly ValType[]): number[] => types.map((type) => typeCode[type]);
  return new Bytes()
    .u8(0x60)
    .u32(params.length)
    .raw(codes(params))
    .u32(results.length)
    .raw(codes(results));
}
