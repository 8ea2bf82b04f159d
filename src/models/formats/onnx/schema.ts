/**
 * @file The part of ONNX' protocol buffers that is used here: the numbers of fields and element types, from onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Fields and types that are not here are skipped by readers.
 */

/** Field numbers by message. */
export const fields = {
  model: { irVersion: 1, producerName: 2, producerVersion: 3, graph: 7, opsetImport: 8 },
  operatorSet: { domain: 1, version: 2 },
  graph: {
    node: 1,
    name: 2,
    initializer: 5,
    input: 11,
    output: 12,
    valueInfo: 13,
    sparseInitializer: 15,
  },
  node: { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 },
  attribute: { name: 1, f: 2, i: 3, s: 4, t: 5, g: 6, floats: 7, ints: 8, strings: 9, type: 20 },
  tensor: {
    dims: 1,
    dataType: 2,
    segment: 3,
    floatData: 4,
    int32Data: 5,
    int64Data: 7,
    name: 8,
    rawData: 9,
    doubleData: 10,
    uint64Data: 11,
    externalData: 13,
    dataLocation: 14,
  },
  entry: { key: 1, value: 2 },
  valueInfo: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { elementType: 1, shape: 2 },
  shape: { dimension: 1 },
  dimension: { value: 1, parameter: 2 },
} as const;

/** Element types, under the names of ONNX. */
export const elementTypes = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
} as const;

/** Kinds of attributes. */
export const attributeTypes = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
} as const;
