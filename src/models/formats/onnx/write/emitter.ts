/** @file What lowering writes to: nodes and constants, and for each value the tensors of the file that stand for it. */
import type { Value } from "../../../../ir/graph.ts";
import { InternalError, complaint } from "../../../../base/errors.ts";
import { sizeOf } from "../../../../ir/shape.ts";
import { FormatError } from "../../../errors.ts";
import { constantOf, numbersOf } from "./constants.ts";
import { type Dims, batchesIn } from "./dims.ts";
import {
  type Form,
  type Layout,
  keepsOrder,
  orderedIn,
  padded,
  sameDims,
  toImage,
  toPlain,
} from "./forms.ts";
import type { Namer } from "./namer.ts";
import { type Attribute, type Initializer, type OnnxNode, elementTypeOf } from "./onnx-graph.ts";
import { Statics, numberOf, unbroadcast } from "./statics.ts";
import type { TracedModel } from "./traced.ts";

/** Attributes of a node. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** A graph of operators under construction. */
export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: Initializer[] = [];
  readonly statics: Statics;
  readonly names: Namer;
  private readonly who: string;
  private readonly model: TracedModel;
  private readonly forms = new Map<Value, Form[]>();
  private readonly constants = new Map<string, Form>();
  /** What a tensor is a reshape of. */
  private readonly roots = new Map<string, Form>();

  constructor(who: string, model: TracedModel, names: Namer) {
    this.who = who;
    this.model = model;
    this.names = names;
    this.statics = new Statics(model);
  }

  /** Extents of a value, in the order of a layout. */
  dims(value: Value, layout: Layout = "plain"): Dims {
    return orderedIn(layout, this.model.dims.get(value)!);
  }

  /** Says which tensor stands for a value. */
  give(value: Value, form: Form): void {
    const forms = this.forms.get(value);
    if (forms === undefined) this.forms.set(value, [form]);
    else forms.push(form);
  }

  /** The layout in which a value is already available. */
  layoutOf(value: Value): Layout {
    return this.forms.get(value)?.[0]?.layout ?? "plain";
  }

  /** The layout for something that takes values of four axes in either: that of the first that is computed. */
  commonLayout(values: readonly Value[]): Layout {
    const images = values.some(
      (value) => value.shape.length === 4 && this.layoutOf(unbroadcast(value)) === "image",
    );
    return images ? "image" : "plain";
  }

  /** A node of one output, which stands for `value` if one is given. */
  emit(
    op: string,
    inputs: readonly (Form | undefined)[],
    dims: Dims,
    layout: Layout,
    attributes: Attributes = {},
    value?: Value,
  ): Form {
    const name = this.names.node(op, value);
    const list = inputs.map((input) => input?.name ?? "");
    this.nodes.push({ op, name, inputs: list, output: name, attributes });
    const form: Form = { name, layout, dims };
    if (value !== undefined) this.give(value, form);
    return form;
  }

  /** A value as an operand that broadcasts: constants are not repeated. */
  operand(value: Value, layout: Layout): Form {
    const number = numberOf(value);
    if (number !== undefined) return this.number(number, value);
    const from = unbroadcast(value);
    if (this.statics.has(from)) return this.constant(from, layout);
    return this.form(from, layout);
  }

  /** A value with all its extents. */
  exact(value: Value, layout: Layout): Form {
    const form = this.operand(value, layout);
    const dims = this.dims(value, layout);
    if (sameDims(form.dims, dims)) return form;
    return this.emit("Expand", [form, this.shapeTensor(dims)], dims, layout);
  }

  /** A literal, as a scalar. */
  number(number: number, { dtype }: Pick<Value, "dtype">): Form {
    return this.shared(`${dtype} ${Object.is(number, -0) ? "-0" : number}`, () =>
      numbersOf(this.names.constant(`${number}`), elementTypeOf[dtype], [], [number]),
    );
  }

  /** A vector of one number, as long as another and of its dtype. */
  filled(number: number, { shape, dtype }: Value): Form {
    const values = Array.from({ length: sizeOf(shape) }, () => number);
    return this.shared(`${dtype} ${number} x ${values.length}`, () =>
      numbersOf(this.names.constant(`[${number}, ...]`), elementTypeOf[dtype], [...shape], values),
    );
  }

  /** Real numbers, as operators take scales. */
  reals(values: readonly number[]): Form {
    return this.shared(`float ${values.join()}`, () =>
      numbersOf(this.names.constant(`[${values.join(", ")}]`), "float", [values.length], values),
    );
  }

  /** Integers, as operators take axes and shapes. */
  integers(values: readonly number[]): Form {
    return this.shared(`int64 ${values.join()}`, () =>
      numbersOf(this.names.constant(`[${values.join(", ")}]`), "int64", [values.length], values),
    );
  }

  /** A constant value in a layout. */
  constant(value: Value, layout: Layout): Form {
    const shape = layout === "image" ? (padded(value.shape, 4) as number[]) : value.shape;
    return this.permuted(value, shape, orderedIn(layout, [...shape.keys()]));
  }

  /** A constant value seen as `shape`, its axes in another order, and then seen as `dims`. */
  permuted(
    value: Value,
    shape: readonly number[],
    perm: readonly number[],
    dims: readonly number[] = perm.map((axis) => shape[axis]!),
  ): Form {
    const { statics } = this;
    const source = statics.source(value);
    statics.want(value);
    const order = keepsOrder(shape, perm) ? perm.map((_, i) => i) : perm;
    const key = `${value.id} ${dims.join()} ${order.join()}`;
    return this.shared(key, () =>
      constantOf(
        source === undefined ? this.names.inner("constant") : this.names.parameter(source),
        value.dtype,
        sizeOf(shape),
        dims,
        { shape, perm: order, elements: () => statics.elements(value) },
      ),
    );
  }

  private shared(key: string, make: () => Initializer): Form {
    let form = this.constants.get(key);
    if (form === undefined) {
      const initializer = make();
      this.initializers.push(initializer);
      form = { name: initializer.name, layout: "plain", dims: initializer.dims };
      this.constants.set(key, form);
    }
    return form;
  }

  /** A computed value in a layout; it may yet broadcast. */
  private form(value: Value, layout: Layout): Form {
    const forms = this.forms.get(value);
    if (forms === undefined)
      throw new InternalError(`${this.who}: %${value.id} is used before it is made`);
    const found = forms.find((form) => form.layout === layout);
    if (found !== undefined) return found;
    const form = this.turned(forms[0]!, layout);
    this.give(value, form);
    return form;
  }

  /** A tensor in the other layout. */
  private turned(form: Form, layout: Layout): Form {
    const perm = layout === "image" ? toImage : toPlain;
    const wide = padded(form.dims, 4);
    const dims = perm.map((axis) => wide[axis]!);
    if (keepsOrder(wide, perm)) return this.reshaped(form, dims, layout);
    const whole = this.reshaped(form, wide, form.layout);
    return this.emit("Transpose", [whole], dims, layout, { perm: [...perm] });
  }

  /** A tensor with other extents and its elements in the same order. */
  reshaped(form: Form, dims: Dims, layout: Layout, value?: Value): Form {
    const root = this.roots.get(form.name) ?? form;
    if (sameDims(root.dims, dims)) {
      const same = { ...root, layout };
      if (value !== undefined) this.give(value, same);
      return same;
    }
    const open = dims.filter((extent) => batchesIn(extent) !== undefined);
    if (open.length > 1)
      throw new FormatError(
        complaint(
          this.who,
          "shapes in which the batch stands once",
          `[${dims.join(", ")}]`,
          "Give { batch: 1 }, say: the file is then for batches of that size alone.",
        ),
      );
    const flat = dims.length === 2 && root.dims.length > 1 && root.dims[0] === dims[0];
    const made = flat
      ? this.emit("Flatten", [root], dims, layout, { axis: 1 }, value)
      : this.emit(
          "Reshape",
          [root, this.integers(dims.map((extent) => (typeof extent === "number" ? extent : -1)))],
          dims,
          layout,
          dims.includes(0) ? { allowzero: 1 } : {},
          value,
        );
    this.roots.set(made.name, root);
    return made;
  }

  /** Extents as a tensor; the batch is that of the first input. */
  shapeTensor(dims: Dims): Form {
    if (dims.every((extent) => typeof extent === "number")) return this.integers(dims as number[]);
    const { value } = this.model.inputs[0]!;
    const input = this.form(value, this.layoutOf(value));
    const batch = this.emit("Shape", [input], [1], "plain", { start: 0, end: 1 });
    const parts = dims.map((extent) => {
      const times = batchesIn(extent);
      if (times === undefined) return this.integers([extent as number]);
      return times === 1 ? batch : this.emit("Mul", [batch, this.integers([times])], [1], "plain");
    });
    return this.emit("Concat", parts, [dims.length], "plain", { axis: 0 });
  }
}
