/** @file An ONNX file as a graph of messages. The raw data of large tensors stays in the file, which is read where it is needed. */
import { complaint } from "../../../../base/errors.ts";
import { FormatError } from "../../../errors.ts";
import type { ByteSource } from "../../../sources/byte-source.ts";
import { fields } from "../schema.ts";
import {
  type NodeProto,
  type TensorProto,
  type ValueProto,
  readNode,
  readOperatorSet,
  readTensor,
  readValue,
} from "./messages.ts";
import { type FieldHead, fieldsOf, longestHead, readHead, textOf } from "./wire.ts";

/** What is used of a model's file. */
export interface OnnxFile {
  readonly opsets: ReadonlyMap<string, number>;
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueProto[];
  readonly outputs: readonly ValueProto[];
  readonly values: readonly ValueProto[];
}

/** Tensors below this length are read at once. */
const small = 1 << 16;
/** So many nodes, tensors or values at most: no classifier comes near, and each takes far more memory than bytes. */
const mostParts = 50_000;

/** A field of the file. */
interface Piece extends FieldHead {
  /** Where the value begins. */
  readonly offset: number;
}

/** Reads small parts of a source through a window. */
class Window {
  private bytes: Uint8Array = new Uint8Array(0);
  private start = 0;
  private readonly source: ByteSource;

  constructor(source: ByteSource) {
    this.source = source;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (length > small) return this.source.read(offset, length);
    if (offset < this.start || offset + length > this.start + this.bytes.length) {
      const most = Math.max(0, this.source.size - offset);
      this.bytes = await this.source.read(offset, Math.max(length, Math.min(small, most)));
      this.start = offset;
    }
    return this.bytes.subarray(offset - this.start, offset - this.start + length);
  }

  /** The fields of a message in the file, one by one. */
  async *fields(who: string, start: number, end: number): AsyncGenerator<Piece> {
    for (let at = start; at < end;) {
      const bytes = await this.read(at, Math.min(longestHead, end - at));
      const head = readHead(who, bytes, at, end - at);
      yield { ...head, offset: at + head.head };
      at += head.head + head.length;
    }
  }
}

/** Reads the file. FormatError naming it and the place where it is no ONNX model, or is damaged. */
export async function readFile(source: ByteSource): Promise<OnnxFile> {
  const who = source.name;
  const window = new Window(source);
  const opsets = new Map<string, number>();
  let graph: Omit<OnnxFile, "opsets"> | undefined;
  for await (const piece of window.fields(who, 0, source.size)) {
    const { number, offset, length } = piece;
    if (number === fields.model.graph) graph = await readGraph(who, window, offset, length);
    else if (number === fields.model.opsetImport) {
      const [domain, version] = readOperatorSet(
        `${who}: opset_import`,
        (await window.read(offset, length)).slice(),
      );
      opsets.set(domain === "ai.onnx" ? "" : domain, version);
    }
  }
  if (graph === undefined)
    throw new FormatError(complaint(who, "an ONNX model with a graph", "one without"));
  return { opsets, ...graph };
}

async function readGraph(
  who: string,
  window: Window,
  start: number,
  size: number,
): Promise<Omit<OnnxFile, "opsets">> {
  const [nodes, initializers]: [NodeProto[], TensorProto[]] = [[], []];
  const [inputs, outputs, values]: [ValueProto[], ValueProto[], ValueProto[]] = [[], [], []];
  let name = "";
  let parts = 0;
  for await (const { number, offset, length } of window.fields(who, start, start + size)) {
    const { graph } = fields;
    const bytes = async (): Promise<Uint8Array> => (await window.read(offset, length)).slice();
    if (++parts > mostParts)
      throw new FormatError(complaint(who, `a graph of at most ${mostParts} parts`, "more"));
    if (number === graph.name)
      name = textOf({ number, int: 0, bytes: (await bytes()).subarray(0, 100) });
    else if (number === graph.node)
      nodes.push(readNode(`${who}: node ${nodes.length}`, await bytes()));
    else if (number === graph.initializer) {
      const place = `${who}: initializer ${initializers.length}`;
      initializers.push(
        length <= small
          ? readTensor(place, fieldsOf(place, await bytes()))
          : await readLargeTensor(place, window, offset, length),
      );
    } else if (number === graph.input) inputs.push(readValue(`${who}: input`, await bytes()));
    else if (number === graph.output) outputs.push(readValue(`${who}: output`, await bytes()));
    else if (number === graph.valueInfo)
      values.push(readValue(`${who}: value_info`, await bytes()));
    else if (number === graph.sparseInitializer)
      throw new FormatError(complaint(who, "dense initializers", "a sparse one"));
  }
  return { name, nodes, initializers, inputs, outputs, values };
}

/** A tensor whose raw data stays where it is. */
async function readLargeTensor(
  who: string,
  window: Window,
  start: number,
  size: number,
): Promise<TensorProto> {
  const parts: Parameters<typeof readTensor>[1] extends Iterable<infer T> ? T[] : never = [];
  for await (const { number, int, offset, length } of window.fields(who, start, start + size)) {
    if (number === fields.tensor.rawData) parts.push({ number, int, range: { offset, length } });
    else if (parts.length > 4 * small)
      throw new FormatError(
        complaint(who, "packed elements", "each in a field of its own", "Write it as raw_data."),
      );
    else parts.push({ number, int, bytes: (await window.read(offset, length)).slice() });
  }
  return readTensor(who, parts);
}
