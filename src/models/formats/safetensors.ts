/** @file safetensors: our own files, which hold whole networks, and parameters of others by name. */
import { crc32 } from "../../base/crc32.ts";
import { parseJson } from "../json.ts";
import {
  type ArrayToStore,
  type Reading,
  type StoredType,
  checkOfHead,
  headerEnd,
  isSafetensors,
  readHeader,
  requireCheck,
  writeSafetensors,
} from "../../base/safetensors.ts";
import { concreteElements } from "../../ir/tensor.ts";
import { type Kind, kinds, readElements } from "../elements.ts";
import { FormatError } from "../errors.ts";
import type { Format, LoadedModel } from "../format.ts";
import { writeTopology } from "../keras/write.ts";
import { matchByName, slotsOf, type StoredArray } from "../weights.ts";
import { snakeName } from "../names.ts";

const kindsInFiles: Readonly<Record<StoredType, Kind>> = {
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

/** Bytes that are checked at a time. */
const pieceLength = 1 << 22;

/** safetensors. */
export const safetensors: Format = {
  name: "safetensors",
  description: "safetensors: whole networks saved by Adjoint, and parameters of others by name",
  extensions: [".safetensors"],
  detect: isSafetensors,
  async read(source) {
    const { name, size } = source;
    const reading: Reading = {
      who: name,
      Fails: FormatError,
      noun: "safetensors file",
      dtypes: Object.keys(kindsInFiles) as StoredType[],
    };
    const start = headerEnd(reading, await source.read(0, Math.min(8, size)), size);
    const head = await source.read(0, start);
    const { entries, metadata } = readHeader(reading, head, size);
    const arrays = entries.map(({ name: array, dtype, shape, begin }): StoredArray => ({
      name: array,
      shape,
      readInto: (elements) => readElements(source, begin, kindsInFiles[dtype], elements),
    }));
    const { topology, crc32: check } = metadata;
    // Our files have a check. Files of others have none that we know.
    if (topology !== undefined) {
      let actual = checkOfHead(reading, head, check);
      for (let at = start; at < size; at += pieceLength)
        actual = crc32(await source.read(at, Math.min(pieceLength, size - at)), actual);
      requireCheck(reading, check, actual);
    }
    return {
      topology: topology && parseJson(`${name}: topology`, topology),
      weights: {
        name,
        bytes: size,
        arrays,
        match: (slots) => matchByName(name, slots, arrays),
      },
    };
  },
  *write(model: LoadedModel) {
    const topology = JSON.stringify(writeTopology("saveModel", model));
    const names = new Set<string>();
    const arrays = slotsOf(model).map(({ path, layers, field, tensor }): ArrayToStore => {
      const wanted = [...layers, snakeName(field)].join(".");
      const name = names.has(wanted) ? path : wanted;
      names.add(name);
      const { buffer, byteOffset, byteLength } = concreteElements(tensor, "saveModel");
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      return {
        name,
        dtype: tensor.dtype === "float64" ? "F64" : "F32",
        shape: tensor.shape,
        bytes,
      };
    });
    yield* writeSafetensors((check) => ({ ...check, format: "adjoint", topology }), arrays);
  },
};
