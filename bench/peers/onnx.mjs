// Bytes of small ONNX models, written field by field (protocol buffers; the numbers are those of onnx.proto).

const varint = (value) => {
  const bytes = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if (rest === 0n) return Buffer.from([...bytes, low]);
    bytes.push(low | 0x80);
  }
};
const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field, content) => {
  const body = typeof content === "string" ? Buffer.from(content) : content;
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
};
const float = (field, value) => {
  const body = Buffer.alloc(4);
  body.writeFloatLE(value);
  return Buffer.concat([varint((field << 3) | 5), body]);
};

/** AttributeProto of an integer, a list of integers, `{ float }` or a string. */
const attribute = ([name, value]) => {
  const parts = [bytes(1, name)];
  if (Array.isArray(value)) parts.push(...value.map((item) => integer(8, item)), integer(20, 7));
  else if (typeof value === "string") parts.push(bytes(4, value), integer(20, 3));
  else if (typeof value === "object") parts.push(float(2, value.float), integer(20, 1));
  else parts.push(integer(3, value), integer(20, 2));
  return bytes(5, Buffer.concat(parts));
};

/** A node: operator, names of its inputs and outputs, attributes. */
export const node = (operator, inputs, outputs, attributes = {}) =>
  Buffer.concat([
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, operator),
    ...Object.entries(attributes).map(attribute),
  ]);

const kinds = new Map([
  [Float32Array, 1],
  [BigInt64Array, 7],
]);
/** A constant: name, shape, typed array. */
export const constant = (name, shape, data) =>
  Buffer.concat([
    ...shape.map((extent) => integer(1, extent)),
    integer(2, kinds.get(data.constructor)),
    bytes(8, name),
    bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  ]);

const value = (name, shape) => {
  const extents = (shape ?? []).map((extent) => bytes(1, integer(1, extent)));
  const type = [integer(1, 1), ...(shape === undefined ? [] : [bytes(2, Buffer.concat(extents))])];
  return Buffer.concat([bytes(1, name), bytes(2, bytes(1, Buffer.concat(type)))]);
};

/** A model: its inputs as [name, shape], nodes, constants; the output is named y. */
export const model = (inputs, nodes, constants, opset = 21) => {
  const graph = Buffer.concat([
    ...nodes.map((item) => bytes(1, item)),
    bytes(2, "layer"),
    ...constants.map((item) => bytes(5, item)),
    ...inputs.map(([name, shape]) => bytes(11, value(name, shape))),
    bytes(12, value("y")),
  ]);
  return new Uint8Array(
    Buffer.concat([integer(1, 10), bytes(7, graph), bytes(8, integer(2, opset))]),
  );
};
