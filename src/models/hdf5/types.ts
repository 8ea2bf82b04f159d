/** @file Element types and extents in HDF5 (specification, sections IV.A.2.b and d). */
import { describe } from "../../base/errors.ts";
import { type Kind, type KindName, kinds } from "../elements.ts";
import type { Cursor } from "./file.ts";

/** What elements are. */
export type ElementType =
  | { readonly is: "number"; readonly kind: Kind; readonly little: boolean; readonly bytes: number }
  | { readonly is: "text"; readonly bytes: number }
  /** Texts of any length, kept elsewhere in the file. */
  | { readonly is: "longText"; readonly bytes: number };

/** Reads a type. FormatError for those that no weights and names have. */
export function readType(body: Cursor): ElementType {
  const first = body.uint(1);
  const family = first & 15;
  const bits = body.uint(1);
  body.skip(2);
  const bytes = body.uint32();
  if (family === 0 || family === 1) {
    const name = `${family === 1 ? "float" : bits & 8 ? "int" : "uint"}${8 * bytes}`;
    const kind = Object.hasOwn(kinds, name) ? kinds[name as KindName] : undefined;
    if (kind === undefined) return body.fail("numbers of 8 to 64 bits", name, "");
    if (family === 1) requireStandard(body, bytes);
    return { is: "number", kind, little: (bits & 1) === 0, bytes };
  }
  // Enumerations (booleans, say) are integers with names.
  if (family === 8) return readType(body);
  if (family === 3) return { is: "text", bytes };
  if (family === 9 && (bits & 15) === 1) return { is: "longText", bytes };
  return body.fail("numbers or texts", `elements of class ${family}`, "");
}

/** [exponent location, exponent size, mantissa size] of IEEE 754's formats, by bytes. */
const formats: Readonly<Record<number, string>> = { 2: "10,5,10", 4: "23,8,23", 8: "52,11,52" };

/** Throws FormatError for floats of another format, such as bfloat16. */
function requireStandard(body: Cursor, bytes: number): void {
  body.skip(4);
  const [location, size, , mantissa] = [body.uint(1), body.uint(1), body.uint(1), body.uint(1)];
  const format = [location, size, mantissa].join(",");
  if (format !== formats[bytes])
    body.fail("floats of IEEE 754", `${bytes} bytes with ${describe(format)}`, "");
}

/** More elements than any tensor has. */
const most = 2 ** 40;

/** Reads extents; [] for one element, undefined for none. */
export function readExtents(body: Cursor): readonly number[] | undefined {
  const version = body.uint(1);
  const rank = body.uint(1);
  body.skip(1);
  if (version !== 1 && version !== 2) body.fail("extents of version 1 or 2", String(version));
  if (rank > 32) body.fail("at most 32 axes", String(rank));
  const isNull = version === 2 ? body.uint(1) === 2 : body.skip(5) === undefined;
  if (isNull) return undefined;
  const shape = Array.from({ length: rank }, () => body.length());
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (!(size <= most)) body.fail(`at most ${most} elements`, `[${shape.join(", ")}]`);
  return shape;
}
