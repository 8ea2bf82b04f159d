/**
 * @file The host operation of `scan`, and its derivatives. The backward pass is a scan in the other direction over the carries that
 * the forward pass saved; the forward derivative is a scan over pairs of values and tangents. Both are scans again, so derivatives
 * of any order follow.
 */
import { isFloat, kernelBytes } from "../ir/dtype.ts";
import { type Graph, type TensorType, typeOf } from "../ir/graph.ts";
import type { HostContext, HostOp, HostRun, Pointer } from "../ir/host.ts";
import { Layout, Selection } from "../ir/layout.ts";
import { sizeOf } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { bind } from "../ops/bind.ts";
import { zeros, zerosLike } from "../ops/creation.ts";
import type { Derivative } from "../ops/rules.ts";
import { at, concat, reshape } from "../ops/shaping.ts";
import { keyOf } from "../ir/key.ts";
import { inline, jvpGraph, vjpGraph } from "./graph-derivatives.ts";

type List = readonly TensorType[];

/** One step as a graph, and how often it is taken. */
interface Body {
  readonly graph: Graph;
  readonly inputs: Layout<{ carry: List; x: List; constants: List }>;
  /** `saved` are the carries that the step began with, if a backward pass will need them. */
  readonly outputs: Layout<{ carry: List; ys: List; saved: List }>;
  readonly length: number;
  readonly reverse: boolean;
}

/** Final carries, and each step's y stacked along a new first axis. */
export interface ScanResult {
  readonly carry: Tensor[];
  readonly ys: Tensor[];
}

/** A step on leaves: carry and x -> carry and y. */
export type ScanStep = (
  carry: Tensor[],
  x: Tensor[],
) => { readonly carry: readonly Tensor[]; readonly ys: readonly Tensor[] };

/** `scan` on leaves. The step's carries must have the types of `init`; the xs have `length` as first extent. */
export function scanLeaves(
  step: ScanStep,
  init: readonly Tensor[],
  xs: readonly Tensor[],
  length: number,
  reverse: boolean,
): ScanResult {
  const x = xs.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype }));
  const carry = init.map(typeOf);
  const { graph, captured } = new Layout({ carry, x }).trace((given) => {
    const out = step([...given.carry], [...given.x]);
    return [...out.carry, ...out.ys];
  });
  const body: Body = {
    graph,
    inputs: new Layout({ carry, x, constants: captured.map(typeOf) }),
    outputs: new Layout({ carry, ys: graph.outputs.slice(carry.length).map(typeOf), saved: [] }),
    length,
    reverse,
  };
  const outputs = bind("host", [...init, ...xs, ...captured], { op: scanOp(body) });
  const { carry: last, ys } = body.outputs.split(outputs);
  return { carry: [...last], ys: [...ys] };
}

function scanOp(body: Body): HostOp {
  let key: string | undefined;
  const { graph, inputs: layout, outputs, length, reverse } = body;
  const { carry, ys, saved } = outputs.split(outputs.types);
  const saves = saved.length > 0 || carry.length === 0;
  const rows = ({ shape, dtype }: TensorType): TensorType => ({ shape: [length, ...shape], dtype });
  const op: HostOp = {
    name: "scan",
    outputs: [...carry, ...ys.map(rows), ...saved.map(rows)],
    // Asked for outside compiled functions only, and long: made on demand.
    get key() {
      return (key ??= keyOf("scan", length, reverse, carry.length, layout.start.x, graph));
    },
    recording: () => (saves ? op : scanOp(saving(body))),
    vjp(inputs, results, cotangents, wrt) {
      if (saves) return backward(body, inputs, results, cotangents, wrt);
      const again = bind("host", inputs, { op: scanOp(saving(body)) });
      return backward(saving(body), inputs, again, cotangents, wrt);
    },
    jvp: (inputs, _, tangents) => forward(body, inputs, tangents),
    unroll: (inputs) => unroll(body, inputs),
    prepare: (context) => prepare(body, context),
  };
  return op;
}

/** The steps one after another. */
function unroll(
  { graph, inputs, outputs, length, reverse }: Body,
  given: readonly Tensor[],
): Tensor[] {
  const { carry: init, x, constants } = inputs.split(given);
  const rows: (readonly Tensor[])[] = [];
  let carry = init;
  for (let step = 0; step < length; step++) {
    const index = reverse ? length - 1 - step : step;
    const slices = x.map((row) => at(row, index));
    const out = outputs.split(inline(graph, [...carry, ...slices, ...constants]));
    carry = out.carry;
    rows[index] = [...out.ys, ...out.saved];
  }
  const { ys, saved } = outputs.split(outputs.types);
  const stacked = [...ys, ...saved].map(({ shape, dtype }, i) =>
    length === 0
      ? zeros([0, ...shape], { dtype })
      : concat(rows.map((row) => reshape(row[i]!, [1, ...shape]))),
  );
  return [...carry, ...stacked];
}

/** The same steps, which also save the carry that each began with. */
function saving(body: Body): Body {
  const { graph, inputs, outputs } = body;
  const { carry } = inputs.split(graph.inputs);
  const { ys } = outputs.split(outputs.types);
  return {
    ...body,
    graph: { ...graph, outputs: [...graph.outputs, ...carry] },
    outputs: new Layout({ carry: carry.map(typeOf), ys, saved: carry.map(typeOf) }),
  };
}

const floats = (values: readonly TensorType[]): Selection =>
  new Selection(values.map(({ dtype }) => isFloat(dtype)));
const defined = (list: readonly Derivative[]): Selection =>
  new Selection(list.map((derivative) => derivative !== undefined));
const orZeros = (list: readonly Derivative[], like: readonly TensorType[]): Tensor[] =>
  list.map((derivative, i) => derivative ?? zeros(like[i]!.shape, { dtype: like[i]!.dtype }));

/** Cotangents of carries and constants run backward; those of the xs are the ys of that run. */
function backward(
  body: Body,
  given: readonly Tensor[],
  results: readonly Tensor[],
  cotangents: readonly Derivative[],
  asked: readonly boolean[] = given.map(() => true),
): Derivative[] {
  const { graph, inputs, outputs, length, reverse } = body;
  const types = inputs.split(inputs.types);
  const { x, constants } = inputs.split(given);
  const { saved } = outputs.split(results);
  const incoming = outputs.split(cotangents);
  const asks = inputs.split(asked);
  const within = (list: List, flags?: readonly boolean[]): boolean[] =>
    list.map(({ dtype }, i) => isFloat(dtype) && flags?.[i] !== false);
  const wrt = inputs.join({
    // Carries always matter: one that starts fixed may be moved by a later step.
    carry: within(types.carry),
    x: within(types.x, asks.x),
    constants: within(types.constants, asks.constants),
  });
  const wanted = inputs.split(wrt);
  const [carries, slices, fixed] = [wanted.carry, wanted.x, wanted.constants].map(
    (flags) => new Selection(flags),
  ) as [Selection, Selection, Selection];
  const { ys, saved: carriesToo } = outputs.split(outputs.types);
  const stacked = [...ys, ...carriesToo];
  const fromStacked = [...incoming.ys, ...incoming.saved].map((cotangent, i) =>
    isFloat(stacked[i]!.dtype) ? cotangent : undefined,
  );
  const arriving = defined(fromStacked);
  const moving = new Layout({
    carry: carries.pick(types.carry),
    sums: fixed.pick(types.constants),
  });
  const rows = new Layout({ saved: types.carry, x: types.x, cotangents: arriving.pick(stacked) });
  const result = scanLeaves(
    (carried, row) => {
      const now = moving.split(carried);
      const { saved: values, x: xs, cotangents: toStacked } = rows.split(row);
      const { pullback } = vjpGraph(graph, [...values, ...xs, ...constants], wrt);
      const found = inputs.split(
        pullback([...carries.place(now.carry), ...arriving.place(toStacked)]),
      );
      const sums = fixed.pick(found.constants);
      return {
        carry: [
          ...orZeros(carries.pick(found.carry), carries.pick(types.carry)),
          ...now.sums.map((sum, i) => (sums[i] === undefined ? sum : sum.add(sums[i]))),
        ],
        ys: orZeros(slices.pick(found.x), slices.pick(types.x)),
      };
    },
    [
      ...orZeros(carries.pick(incoming.carry), carries.pick(types.carry)),
      ...fixed.pick(constants).map(zerosLike),
    ],
    [...saved, ...x, ...arriving.pick(fromStacked as Tensor[])],
    length,
    !reverse,
  );
  const end = moving.split(result.carry);
  return inputs.join<Derivative>({
    carry: carries.place(end.carry),
    x: slices.place(result.ys),
    constants: fixed.place(end.sums),
  });
}

/** Values and tangents side by side. Every float carry has a tangent: it may start to move at any step. */
function forward(
  body: Body,
  given: readonly Tensor[],
  tangents: readonly Derivative[],
): Derivative[] {
  const { graph, inputs, outputs, length, reverse } = body;
  const { carry, x, constants } = inputs.split(given);
  const along = inputs.split(tangents);
  const types = outputs.split(outputs.types);
  const [carries, slices] = [floats(carry), defined(along.x)];
  const results = new Layout({ carry: types.carry, rows: [...types.ys, ...types.saved] });
  const rows = results.split(results.types).rows;
  const moving = floats(rows);
  const pairs = new Layout({
    values: carry.map(typeOf),
    tangents: carries.pick(carry).map(typeOf),
  });
  const sliced = new Layout({ values: x, tangents: slices.pick(x) });
  const result = scanLeaves(
    (carried, row) => {
      const now = pairs.split(carried);
      const slice = sliced.split(row);
      const out = jvpGraph(
        graph,
        [...now.values, ...slice.values, ...constants],
        [...carries.place(now.tangents), ...slices.place(slice.tangents), ...along.constants],
      );
      const next = results.split<Derivative>(out.tangents);
      return {
        carry: [
          ...results.split(out.outputs).carry,
          ...orZeros(carries.pick(next.carry), carries.pick(types.carry)),
        ],
        ys: orZeros(moving.pick(next.rows), moving.pick(rows)),
      };
    },
    [...carry, ...orZeros(carries.pick(along.carry), carries.pick(carry))],
    [...x, ...slices.pick(along.x as readonly Tensor[])],
    length,
    reverse,
  );
  return [...carries.place(pairs.split(result.carry).tangents), ...moving.place(result.ys)];
}

const sizeInBytes = ({ shape, dtype }: TensorType): number => sizeOf(shape) * kernelBytes[dtype];

/** The loop: carries alternate between two blocks; the first step reads the inputs, the last writes the outputs. */
function prepare({ graph, inputs, outputs, length, reverse }: Body, context: HostContext): HostRun {
  const step = context.compile(graph, "scan step");
  const { carry, x } = inputs.split(inputs.types);
  const types = outputs.split(outputs.types);
  const blocks = [0, 1].map(() => carry.map((type) => context.allocate(typeOf(type))));
  const [carryBytes, xBytes] = [carry.map(sizeInBytes), x.map(sizeInBytes)];
  const yBytes = [...types.ys, ...types.saved].map(sizeInBytes);
  const slices = x.map(() => 0);
  const rows = yBytes.map(() => 0);
  const pointAt = (to: Pointer[], from: readonly Pointer[], by: readonly number[], k: number) => {
    for (let i = 0; i < to.length; i++) to[i] = from[i]! + k * by[i]!;
    return to;
  };
  return (given, results) => {
    const from = inputs.split(given);
    const { carry: last, ys, saved } = outputs.split(results);
    const stacks = [...ys, ...saved];
    if (length === 0)
      last.forEach((place, i) => context.copy(place, from.carry[i]!, carryBytes[i]!));
    step.bindInputs(inputs.start.constants, from.constants);
    for (let k = 0; k < length; k++) {
      const index = reverse ? length - 1 - k : k;
      step.bindInputs(inputs.start.carry, k === 0 ? from.carry : blocks[(k - 1) & 1]!);
      step.bindInputs(inputs.start.x, pointAt(slices, from.x, xBytes, index));
      step.bindOutputs(outputs.start.carry, k === length - 1 ? last : blocks[k & 1]!);
      step.bindOutputs(outputs.start.ys, pointAt(rows, stacks, yBytes, index));
      step.run();
    }
  };
}
