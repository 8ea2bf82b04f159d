/** @file Run as a program of its own with --expose-gc: prints what is left of the kernel memory of functions nobody can call. */
import { type Tensor, customVjp, grad, jit, ones, scan } from "../../src/index.ts";
import { backend } from "../../src/compile/engine.ts";
import { type Resident, resident } from "../../src/compile/resident.ts";

const collect = (globalThis as unknown as { gc: () => void }).gc;
const x = ones([1000]);

/** A function that its own program could keep alive, through whatever the program remembers of `fn`. */
function calledOnce(make: (self: object, i: number) => (a: Tensor) => Tensor): (i: number) => void {
  return (i) => {
    const self: { call?: (a: Tensor) => Tensor } = {};
    self.call = jit(make(self, i));
    self.call(x);
  };
}

const scenarios: Record<string, (i: number) => void> = {
  "a function": calledOnce((_, i) => (a) => a.mul(i).sin()),
  "one that closes over itself": calledOnce((self, i) => (a) => (void self, a.mul(i).sin())),
  "one that closes over a tensor": (i) => {
    const large = ones([5000]);
    jit((a: Tensor) => a.mul(large.sum()).mul(i))(x);
  },
  "one with a rule of its own": calledOnce((self, i) =>
    customVjp((a: Tensor) => (void self, a.mul(i)), {
      forward: (a: Tensor) => (void self, [a.mul(i), []]),
      backward: (_, cotangent: Tensor) => (void self, [cotangent.mul(i)]),
    }),
  ),
  "one with a loop": calledOnce(
    (self, i) => (a) =>
      scan(
        (c: Tensor, row: Tensor) => (void self, [c.add(row), c] as [Tensor, Tensor]),
        a.sum(),
        a,
      )[0].mul(i),
  ),
  "the gradient of a loop": calledOnce(
    (self, i) => (a) =>
      grad((b: Tensor) =>
        scan(
          (c: Tensor, row: Tensor) => (void self, [c.add(row.sin()), c] as [Tensor, Tensor]),
          b.sum(),
          b,
        )[0].mul(i),
      )(a),
  ),
  "a resident step": (i) => {
    const self: { step?: Resident<Tensor, Tensor, Tensor> } = {};
    self.step = resident(
      (state: Tensor, batch: Tensor) => (
        void self,
        { state: state.add(batch.mul(i)), output: state.sum() }
      ),
      x,
    );
    self.step.call(x);
  },
};

const used = (): number => backend().memory.used;

async function main(): Promise<void> {
  const left: Record<string, [taken: number, left: number]> = {};
  for (const [name, run] of Object.entries(scenarios)) {
    const before = used();
    for (let i = 2; i < 12; i++) run(i);
    const taken = used() - before;
    for (let turn = 0; turn < 50 && used() > before; turn++) {
      await new Promise((resolve) => void setTimeout(resolve, 5));
      collect();
    }
    left[name] = [taken, used() - before];
  }
  // Memory that somebody can still get at stays.
  const { call } = resident(
    (state: Tensor, batch: Tensor) => ({ state: state.add(batch), output: state.sum() }),
    x,
  );
  call(x);
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => void setTimeout(resolve, 5));
    collect();
    jit((a: Tensor) => a.mul(turn + 0.5))(ones([1000]));
  }
  console.log(JSON.stringify({ left, kept: call(x).item() }));
}

void main();
