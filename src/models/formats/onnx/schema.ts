/**
 * @file The part of ONNX' protocol buffers that is used here: the numbers of fields and element types, from onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Fields and types that are not here are skipped by readers.
 */

/** Field numbers by message. */
export const fields = {
  model: { irVersion: 1, producerName: 2, producerVersion: 3, graph: 7, opsetImport: 8 },
  operatorSet: { domain: 1, version: 2 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, opType: 4, attribute: 5 },
  attribute: { name: 1, f: 2, i: 3, s: 4, ints: 8, type: 20 },
  tensor: { dims: 1, dataType: 2, name: 8, rawData: 9 },
  valueInfo: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { elementType: 1, shape: 2 },
  shape: { dimension: 1 },
  dimension: { value: 1, parameter: 2 },
} as const;

/** Element types, under the names of ONNX. */
export const elementTypes = {
  float: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  double: 11,
  uint32: 12,
} as const;

/** Kinds of attributes. */
export const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;
