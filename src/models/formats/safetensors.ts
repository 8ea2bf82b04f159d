/**
 * @file safetensors: 8 bytes with the header's length, a JSON header, little-endian elements. Our own files have the network's
 * layers and a check over all bytes in the header's metadata.
 */
import { crc32 } from "../../base/crc32.ts";
import { complaint, describe } from "../../base/errors.ts";
import { headerLength, longestHeader, requireFilled } from "../../base/safetensors.ts";
import { sizeOf } from "../../ir/shape.ts";
import { concreteElements } from "../../ir/tensor.ts";
import { type Kind, kinds, readElements } from "../elements.ts";
import { FormatError } from "../errors.ts";
import type { Format, LoadedModel } from "../format.ts";
import { type JsonObject, arrayOf, objectOf, parseJson, shapeOf, textOf } from "../json.ts";
import { writeTopology } from "../keras/write.ts";
import { matchByName } from "../match.ts";
import { snakeName } from "../names.ts";
import { type Slot, slotsOf } from "../slots.ts";
import type { ByteSource } from "../sources/byte-source.ts";
import type { StoredArray } from "../weights.ts";

const kindsInFiles: Readonly<Record<string, Kind>> = {
  F16: kinds.float16,
  BF16: kinds.bfloat16,
  F32: kinds.float32,
  F64: kinds.float64,
  I8: kinds.int8,
  U8: kinds.uint8,
  I16: kinds.int16,
  U16: kinds.uint16,
  I32: kinds.int32,
  U32: kinds.uint32,
  I64: kinds.int64,
  U64: kinds.uint64,
  BOOL: kinds.uint8,
};

/** The check counts as these digits while it is computed. */
const noCheck = "00000000";

/** safetensors. */
export const safetensors: Format = {
  name: "safetensors",
  description: "safetensors: whole networks saved by Adjoint, and parameters of others by name",
  extensions: [".safetensors"],
  detect: (head) => head.length > 8 && headerLength(head) <= longestHeader && head[8] === 0x7b,
  async read(source) {
    const length = headerLength(await source.read(0, 8));
    if (length > longestHeader || length > source.size - 8)
      throw new FormatError(
        complaint(
          source.name,
          `a header within the file's ${source.size} bytes`,
          `one of ${length}`,
          "The file is truncated.",
        ),
      );
    const header = objectOf(
      `${source.name}: header`,
      parseJson(`${source.name}: header`, await source.read(8, length)),
    );
    const { __metadata__: notes = {}, ...tensors } = header;
    const { topology, crc32: check } = objectOf(`${source.name}: __metadata__`, notes);
    const arrays = readArrays(source, 8 + length, tensors);
    // Our files have a check, and those of others none that we know.
    if (topology !== undefined) await requireCheck(source, check, 8 + length);
    return {
      topology:
        topology === undefined
          ? undefined
          : parseJson(
              `${source.name}: topology`,
              textOf(`${source.name}: __metadata__: topology`, topology),
            ),
      weights: {
        name: source.name,
        bytes: source.size,
        arrays,
        match: (slots) => matchByName(source.name, slots, arrays),
      },
    };
  },
  write: writeChunks,
};

/** The arrays, which must fill the rest of the file without gap or overlap. */
function readArrays(source: ByteSource, start: number, tensors: JsonObject): StoredArray[] {
  const entries = Object.entries(tensors).map(([name, value]) => {
    const who = `${source.name}: tensor ${describe(name)}`;
    const { dtype, shape: extents, data_offsets: offsets } = objectOf(who, value);
    const kind =
      typeof dtype === "string" && Object.hasOwn(kindsInFiles, dtype)
        ? kindsInFiles[dtype]
        : undefined;
    if (kind === undefined)
      throw new FormatError(
        complaint(
          `${who}: dtype`,
          `one of ${Object.keys(kindsInFiles).join(", ")}`,
          describe(dtype),
        ),
      );
    const shape = shapeOf(`${who}: shape`, extents);
    const [begin, end] = arrayOf(`${who}: data_offsets`, offsets) as number[];
    const bytes = sizeOf(shape) * kind.bytes;
    if (!Number.isSafeInteger(begin) || end! - begin! !== bytes)
      throw new FormatError(
        complaint(
          `${who}: data_offsets`,
          `${bytes} bytes for ${String(dtype)} [${shape.join(", ")}]`,
          JSON.stringify(offsets).slice(0, 60),
        ),
      );
    return { name, shape, kind, begin: begin!, end: end! };
  });
  requireFilled(source.name, entries, start, source.size, FormatError);
  return entries.map(({ name, shape, kind, begin }) => ({
    name,
    shape,
    readInto: (elements) => readElements(source, start + begin, kind, elements),
  }));
}

/** Throws FormatError unless the bytes are those that were written. */
async function requireCheck(source: ByteSource, check: unknown, start: number): Promise<void> {
  const label = `"crc32":"${String(check)}"`;
  const text = new TextDecoder("latin1").decode(await source.read(0, start));
  const at = /^[0-9a-f]{8}$/.test(String(check)) ? text.indexOf(label) : -1;
  if (at < 0)
    throw new FormatError(
      complaint(source.name, "a check of 8 hexadecimal digits in the header", describe(check)),
    );
  const head = await source.read(0, start);
  head.set(new TextEncoder().encode(noCheck), at + label.length - 9);
  let actual = crc32(head);
  const pieceLength = 1 << 22;
  for (let offset = start; offset < source.size; offset += pieceLength)
    actual = crc32(await source.read(offset, Math.min(pieceLength, source.size - offset)), actual);
  if (actual !== check)
    throw new FormatError(
      complaint(
        source.name,
        `bytes whose check is ${String(check)}`,
        actual,
        "The file is damaged.",
      ),
    );
}

/** The file for a network: its header, and then the elements of one parameter after another. */
function* writeChunks(model: LoadedModel): Iterable<Uint8Array> {
  const topology = JSON.stringify(writeTopology("saveModel", model));
  // Wide elements first: then every array starts at a multiple of its element size.
  const slots = slotsOf(model).toSorted((a, b) => widthOf(b) - widthOf(a));
  const header = new Map<string, unknown>([
    ["__metadata__", { crc32: noCheck, format: "adjoint", topology }],
  ]);
  let end = 0;
  for (const slot of slots) {
    const { path, layers, field, tensor } = slot;
    const name = [...layers, snakeName(field)].join(".");
    header.set(header.has(name) ? path : name, {
      dtype: tensor.dtype === "float64" ? "F64" : "F32",
      shape: tensor.shape,
      data_offsets: [end, (end += tensor.size * widthOf(slot))],
    });
  }
  const encoder = new TextEncoder();
  let text = JSON.stringify(Object.fromEntries(header));
  text += " ".repeat(-encoder.encode(text).length & 7);
  const json = encoder.encode(text);
  const head = new Uint8Array(8 + json.length);
  new DataView(head.buffer).setBigUint64(0, BigInt(json.length), true);
  head.set(json, 8);
  const chunks = slots.map(({ tensor }) => {
    const { buffer, byteOffset, byteLength } = concreteElements(tensor, "saveModel");
    return new Uint8Array(buffer, byteOffset, byteLength);
  });
  const check = chunks.reduce((so, chunk) => crc32(chunk, so), crc32(head));
  head.set(encoder.encode(check), 8 + text.indexOf(noCheck));
  yield head;
  yield* chunks;
}

function widthOf({ tensor }: Slot): number {
  return tensor.dtype === "float64" ? 8 : 4;
}
