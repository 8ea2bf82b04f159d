/**
 * @file An ONNX graph to the bytes of a file, piece by piece: constants are written as they are asked for, so that a file of half
 * a gigabyte never lies in memory as a whole.
 */
import { PbfWriter } from "pbf";
import { complaint } from "../../../../base/errors.ts";
import { FormatError } from "../../../errors.ts";
import { attributeTypes, elementTypes, fields } from "../schema.ts";
import type { Attribute, Initializer, OnnxGraph, OnnxNode, OnnxPort } from "./onnx-graph.ts";

/** The version of the operators, and that of the file's structure, which came with it. */
const opset = 17;
const irVersion = 8;
/** Protocol buffers hold less than two gigabytes. */
const largest = 2 ** 31 - 1;
/** Wire type of what has a length. */
const delimited = 2;

/** Bytes, or a way to make them later. */
type Part = Uint8Array | Initializer;
const lengthOf = (part: Part): number => (part instanceof Uint8Array ? part.length : part.bytes);

/** The file of a graph. Throws FormatError naming `who`, before the first byte, for files that would be too large. */
export function onnxChunks(who: string, graph: OnnxGraph): Iterable<Uint8Array> {
  const inner = graphParts(graph);
  const size = inner.reduce((sum, part) => sum + lengthOf(part), 0);
  if (size > largest - 1024)
    throw new FormatError(
      complaint(
        who,
        "a model of less than 2 GB, which is what ONNX files hold",
        `${(size / 1e9).toFixed(2)} GB`,
        "Save it as safetensors.",
      ),
    );
  return generate([
    bytesOf((pbf) => {
      const { model, operatorSet } = fields;
      pbf.writeVarintField(model.irVersion, irVersion);
      pbf.writeStringField(model.producerName, "adjoint");
      pbf.writeMessage(
        model.opsetImport,
        (_, set) => {
          set.writeStringField(operatorSet.domain, "");
          set.writeVarintField(operatorSet.version, opset);
        },
        null,
      );
      pbf.writeTag(model.graph, delimited);
      pbf.writeVarint(size);
    }),
    ...inner,
  ]);
}

function* generate(parts: readonly Part[]): Iterable<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Uint8Array) yield part;
    else yield* part.chunks();
  }
}

function bytesOf(write: (pbf: PbfWriter) => void): Uint8Array {
  const pbf = new PbfWriter();
  write(pbf);
  return pbf.finish();
}

function graphParts(graph: OnnxGraph): Part[] {
  const { graph: field } = fields;
  const head = bytesOf((pbf) => {
    for (const node of graph.nodes) pbf.writeMessage(field.node, writeNode, node);
    pbf.writeStringField(field.name, graph.name);
  });
  const tail = bytesOf((pbf) => {
    for (const port of graph.inputs) pbf.writeMessage(field.input, writePort, port);
    for (const port of graph.outputs) pbf.writeMessage(field.output, writePort, port);
  });
  const constants = graph.initializers.flatMap((initializer): Part[] => {
    const start = bytesOf((pbf) => writeTensorHead(initializer, pbf));
    const frame = bytesOf((pbf) => {
      pbf.writeTag(field.initializer, delimited);
      pbf.writeVarint(start.length + initializer.bytes);
    });
    return [frame, start, initializer];
  });
  return [head, ...constants, tail];
}

/** All of a tensor but its elements, which come last. */
function writeTensorHead({ dims, type, name, bytes }: Initializer, pbf: PbfWriter): void {
  const { tensor } = fields;
  pbf.writePackedVarint(tensor.dims, [...dims]);
  pbf.writeVarintField(tensor.dataType, elementTypes[type]);
  pbf.writeStringField(tensor.name, name);
  pbf.writeTag(tensor.rawData, delimited);
  pbf.writeVarint(bytes);
}

function writeNode({ inputs, output, name, op, attributes }: OnnxNode, pbf: PbfWriter): void {
  const { node } = fields;
  for (const input of inputs) pbf.writeStringField(node.input, input);
  pbf.writeStringField(node.output, output);
  pbf.writeStringField(node.name, name);
  pbf.writeStringField(node.opType, op);
  for (const entry of Object.entries(attributes))
    pbf.writeMessage(node.attribute, writeAttribute, entry);
}

function writeAttribute([name, value]: readonly [string, Attribute], pbf: PbfWriter): void {
  const { attribute } = fields;
  pbf.writeStringField(attribute.name, name);
  const kind = (type: keyof typeof attributeTypes): void =>
    pbf.writeVarintField(attribute.type, attributeTypes[type]);
  if (typeof value === "number") {
    pbf.writeVarintField(attribute.i, value);
    kind("int");
  } else if (typeof value === "string") {
    pbf.writeStringField(attribute.s, value);
    kind("string");
  } else if ("real" in value) {
    pbf.writeFloatField(attribute.f, value.real);
    kind("float");
  } else {
    pbf.writePackedVarint(attribute.ints, [...value]);
    kind("ints");
  }
}

function writePort({ name, type, dims }: OnnxPort, pbf: PbfWriter): void {
  const { valueInfo, type: typeField, tensorType, shape, dimension } = fields;
  pbf.writeStringField(valueInfo.name, name);
  const writeShape = (_: null, pbf: PbfWriter): void => {
    for (const extent of dims)
      pbf.writeMessage(
        shape.dimension,
        (_, pbf) => {
          if (typeof extent === "number") pbf.writeVarintField(dimension.value, extent);
          else pbf.writeStringField(dimension.parameter, extent);
        },
        null,
      );
  };
  const writeTensorType = (_: null, pbf: PbfWriter): void => {
    pbf.writeVarintField(tensorType.elementType, elementTypes[type]);
    pbf.writeMessage(tensorType.shape, writeShape, null);
  };
  pbf.writeMessage(
    valueInfo.type,
    (_, pbf) => pbf.writeMessage(typeField.tensor, writeTensorType, null),
    null,
  );
}
