/** @file Composites that ONNX has an operator for, by name. Others are written as the primitives that they are made of. */
import type { Pair, PoolGeometry } from "../../../../ir/conv.ts";
import type { Node, Value } from "../../../../ir/graph.ts";
import type { Attribute } from "../../../../ir/prim.ts";
import { axisIn, orderedIn } from "./forms.ts";
import { layoutWithout } from "./lower/shaping.ts";
import { broadcasting } from "./lower/elementwise.ts";
import { windowAttributes } from "./lower/products.ts";
import type { Rule } from "./step.ts";

type Composite = Node<"composite">;

/** How a composite is written. */
interface Writer {
  /** Whether only float32 is: the operator's attributes are float32, or onnxruntime has it for nothing else. */
  readonly single?: true;
  /** Whether the operator can stand for this node: it can unless this says otherwise. `isConstant` tells what no input changes. */
  fits?(node: Composite, isConstant: (value: Value) => boolean): boolean;
  readonly write: Rule<"composite">;
}

/** An elementwise operator with attributes made of those of the composite. */
const elementwise =
  (op: string, attributes: Readonly<Record<string, string>> = {}): Rule<"composite"> =>
  (node, value, to) => {
    const given = Object.entries(attributes).map(([theirs, ours]) => [
      theirs,
      { real: node.params.attributes[ours] as number },
    ]);
    broadcasting(to, op, node.inputs, value, Object.fromEntries(given));
  };

const axesOf = ({ params }: Composite): readonly number[] =>
  params.attributes["axes"] as readonly number[];

/** Written out, a function of the whole batch is seen to depend on how many samples there are. */
const withinSamples = (node: Composite): boolean => !axesOf(node).includes(0);

const alongAxis = (op: string): Writer => ({
  fits: (node) => axesOf(node).length === 1 && withinSamples(node),
  write: (node, value, to) => {
    const [x] = node.inputs as [Value];
    const layout = to.commonLayout([x]);
    const axis = axisIn(layout, axesOf(node)[0]!);
    to.emit(op, [to.exact(x, layout)], to.dims(value, layout), layout, { axis }, value);
  },
});

/** min(max(x, low), high), where either bound may be missing. */
const clip =
  (bounds: (attributes: Readonly<Record<string, Attribute>>) => Bounds): Rule<"composite"> =>
  (node, value, to) => {
    const [x] = node.inputs as [Value];
    const { low, high } = bounds(node.params.attributes);
    if (low === 0 && high === undefined) return void broadcasting(to, "Relu", [x], value);
    const layout = to.commonLayout([x]);
    const operand = to.operand(x, layout);
    const numbers = [low, high].map((bound) =>
      bound === undefined ? undefined : to.number(bound, value),
    );
    to.emit("Clip", [operand, ...numbers], operand.dims, layout, {}, value);
  };

interface Bounds {
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

const mean: Rule<"composite"> = (node, value, to) => {
  const [x] = node.inputs as [Value];
  const axes = axesOf(node);
  const keeps = value.shape.length === x.shape.length;
  const layout = to.commonLayout([x]);
  if (layout === "image" && axes.join() === "1,2") {
    const kept = axes.reduce((dims, axis) => dims.with(axis, 1), to.dims(x));
    const dims = orderedIn(layout, kept);
    const operands = [to.exact(x, layout)];
    const made = keeps ? value : undefined;
    const pooled = to.emit("GlobalAveragePool", operands, dims, layout, {}, made);
    if (!keeps) to.reshaped(pooled, to.dims(value), "plain", value);
    return;
  }
  const lies = keeps ? layout : layoutWithout(to, x, axes);
  const along = axes.map((axis) => axisIn(lies, axis)).toSorted((a, b) => a - b);
  const attributes = { axes: along, keepdims: keeps ? 1 : 0 };
  const dims = keeps ? to.dims(value, lies) : to.dims(value);
  to.emit("ReduceMean", [to.exact(x, lies)], dims, keeps ? lies : "plain", attributes, value);
};

const averagePool: Rule<"composite"> = (node, value, to) => {
  const [x] = node.inputs as [Value];
  const { window, ...geometry } = node.params.attributes as unknown as PoolGeometry;
  const attributes = { ...windowAttributes(window, geometry), count_include_pad: 0 };
  const dims = to.dims(value, "image");
  to.emit("AveragePool", [to.exact(x, "image")], dims, "image", attributes, value);
};

const batchNorm: Writer = {
  single: true,
  // ONNX has the features on axis 1, where those of images and of vectors come to lie.
  fits: ({ inputs, params }, isConstant) => {
    const rank = inputs[0]!.shape.length;
    const isLast = params.attributes["axis"] === rank - 1;
    return isLast && (rank === 4 || rank === 2) && inputs.slice(1).every(isConstant);
  },
  write: (node, value, to) => {
    const [x, mean, variance, ...rest] = node.inputs as [Value, Value, Value, ...Value[]];
    const { epsilon, scale, center } = node.params.attributes;
    const layout = value.shape.length === 4 ? "image" : "plain";
    const constant = (part: Value) => to.constant(part, "plain");
    const operands = [
      to.exact(x, layout),
      scale === true ? constant(rest[0]!) : to.filled(1, mean),
      center === true ? constant(rest.at(-1)!) : to.filled(0, mean),
      constant(mean),
      constant(variance),
    ];
    const attributes = { epsilon: { real: epsilon as number } };
    const dims = to.dims(value, layout);
    to.emit("BatchNormalization", operands, dims, layout, attributes, value);
  },
};

const upSampling: Writer = {
  single: true,
  fits: ({ params: { attributes } }) =>
    attributes["interpolation"] === "nearest" &&
    (attributes["size"] as Pair).some((times) => times > 1),
  write: (node, value, to) => {
    const [x] = node.inputs as [Value];
    const attributes = {
      mode: "nearest",
      nearest_mode: "floor",
      coordinate_transformation_mode: "asymmetric",
    };
    const [rows, columns] = node.params.attributes["size"] as Pair;
    const operands = [to.exact(x, "image"), undefined, to.reals([1, 1, rows, columns])];
    to.emit("Resize", operands, to.dims(value, "image"), "image", attributes, value);
  },
};

const writers: Readonly<Record<string, Writer>> = {
  relu: { write: elementwise("Relu") },
  clip: { write: clip((attributes) => attributes as Bounds) },
  cappedRelu: { write: clip(({ maxValue }) => ({ low: 0, high: maxValue as number })) },
  sigmoid: { write: elementwise("Sigmoid") },
  softplus: { single: true, write: elementwise("Softplus") },
  leakyRelu: { single: true, write: elementwise("LeakyRelu", { alpha: "slope" }) },
  elu: { single: true, write: elementwise("Elu", { alpha: "alpha" }) },
  prelu: {
    single: true,
    fits: ({ inputs }, isConstant) => isConstant(inputs[1]!),
    write: elementwise("PRelu"),
  },
  softmax: alongAxis("Softmax"),
  logSoftmax: alongAxis("LogSoftmax"),
  mean: { fits: withinSamples, write: mean },
  averagePool2d: { single: true, write: averagePool },
  batchNorm,
  upSampling2d: upSampling,
};

/** Whether an operator stands for a composite. */
export function hasOperator(node: Composite, isConstant: (value: Value) => boolean): boolean {
  const { name } = node.params;
  const { single, fits = () => true } = Object.hasOwn(writers, name) ? writers[name]! : never;
  return (single !== true || node.outputs[0]!.dtype === "float32") && fits(node, isConstant);
}

const never = { single: undefined, fits: () => false };

/** Writes a composite that `hasOperator`. */
export const compositeRule: Rule<"composite"> = (node, value, to) =>
  writers[node.params.name]!.write(node, value, to);
