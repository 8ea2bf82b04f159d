/** @file Lowering: a group of nodes becomes one loop nest of scalar instructions. */
import type { DType } from "../../ir/dtype.ts";
import { type Node, type Value, isPrim } from "../../ir/graph.ts";
import type { Instruction, LoopNest, Reduction, Store, View } from "../../ir/kernel.ts";
import {
  type BinaryPrim,
  type ComparePrim,
  type UnaryPrim,
  binaryPrims,
  comparePrims,
  logicalPrims,
  unaryPrims,
} from "../../ir/prim.ts";
import type { Access } from "../../ir/value.ts";
import { type Group, type Member, onGroup } from "./fusion.ts";
import type { Term } from "./space.ts";

const unary: ReadonlySet<string> = new Set<string>([...unaryPrims, "not"]);
const binary: ReadonlySet<string> = new Set<string>([
  ...binaryPrims,
  ...logicalPrims.filter((prim) => prim !== "not"),
]);
const compare: ReadonlySet<string> = new Set<string>(comparePrims);

/** The loop nest of a group; `stored` tells which values others need in memory, `invariant` whether sums are the same in every batch. */
export function lowerGroup(
  group: Group,
  stored: (value: Value) => boolean,
  invariant: boolean,
): LoopNest {
  const body = new Body(group);
  const stores: Store[] = [];
  const reductions: Reduction[] = [];
  for (const member of group.members)
    for (const term of member.space.terms) {
      const instruction = body.term(member, term);
      const { value, view, fold } = term.result;
      const place = { instruction, value, view: onGroup(group, member, view) };
      if (fold !== undefined)
        reductions.push({
          ...place,
          op: fold.op,
          ...(invariant ? { invariant: fold.invariant } : {}),
          axes: fold.axes.map((axis) => member.axes[axis]!).sort((a, b) => a - b),
        });
      else {
        body.define(value, instruction);
        if (stored(value)) stores.push(place);
      }
    }
  return { extents: group.extents, body: body.instructions, stores, reductions };
}

/** What reads a base value: a load, or for the virtual ones a literal or an index. */
export function readOf(base: Value, view: View): Instruction {
  const { dtype } = base;
  if (base.node !== null && isPrim(base.node, "constant"))
    return { kind: "literal", literal: base.node.params.value, dtype };
  if (base.node !== null && isPrim(base.node, "iota")) return { kind: "index", view, dtype };
  return { kind: "load", value: base, view, dtype };
}

/** The instructions so far, equal ones shared. */
class Body {
  readonly instructions: Instruction[] = [];
  private readonly known = new Map<string, number>();
  private readonly defined = new Map<Value, number>();
  private readonly group: Group;

  constructor(group: Group) {
    this.group = group;
  }

  define(value: Value, instruction: number): void {
    this.defined.set(value, instruction);
  }

  term(member: Member, term: Term): number {
    const { node } = member.space;
    const operands = term.reads.map((read) => this.read(member, read));
    if (term.how === "copy") return operands[0]!;
    if (term.how === "elementwise") return this.emit(instructionOf(node, operands));
    const dtype = node.outputs[0]!.dtype;
    let sum: number | undefined;
    for (let index = 0; index < operands.length; index += 2) {
      const product = this.emit({
        kind: "binary",
        op: "mul",
        x: operands[index]!,
        y: operands[index + 1]!,
        dtype,
      });
      sum =
        sum === undefined
          ? product
          : this.emit({ kind: "binary", op: "add", x: sum, y: product, dtype });
    }
    return sum!;
  }

  private read(member: Member, access: Access): number {
    const inRegister = this.defined.get(access.base);
    if (inRegister !== undefined) return inRegister;
    return this.emit(readOf(access.base, onGroup(this.group, member, access)));
  }

  private emit(instruction: Instruction): number {
    const key = keyOf(instruction);
    let index = this.known.get(key);
    if (index === undefined) {
      index = this.instructions.push(instruction) - 1;
      this.known.set(key, index);
    }
    return index;
  }
}

function keyOf(instruction: Instruction): string {
  switch (instruction.kind) {
    case "load":
      return `load ${instruction.value.id} ${instruction.view.offset} ${instruction.view.strides.join(",")}`;
    case "index":
      return `index ${instruction.dtype} ${instruction.view.offset} ${instruction.view.strides.join(",")}`;
    case "literal":
      return `literal ${instruction.dtype} ${Object.is(instruction.literal, -0) ? "-0" : instruction.literal}`;
    default:
      return Object.values(instruction).join(" ");
  }
}

function instructionOf(node: Node, operands: readonly number[]): Instruction {
  const dtype: DType = node.outputs[0]!.dtype;
  const [x, y, z] = operands as [number, number, number];
  if (unary.has(node.prim)) return { kind: "unary", op: node.prim as UnaryPrim | "not", x, dtype };
  if (binary.has(node.prim))
    return { kind: "binary", op: node.prim as BinaryPrim | "and" | "or", x, y, dtype };
  if (compare.has(node.prim))
    return { kind: "compare", op: node.prim as ComparePrim, x, y, dtype: "bool" };
  if (isPrim(node, "select")) return { kind: "select", condition: x, x: y, y: z, dtype };
  if (isPrim(node, "shiftRight"))
    return { kind: "shiftRight", x, bits: node.params.bits, dtype: "int32" };
  return { kind: "cast", x, dtype };
}
