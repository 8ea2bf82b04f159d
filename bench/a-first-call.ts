// Run in a fresh process: milliseconds of the first training step of workload A (trace, compile and run). Making the
// model, the data and the trainer is not counted: they are there before the step is called.

import { batchesOf, lossOf, trainerOf } from "./a-training.ts";
import type { Spiral } from "./spiral.ts";

const [, , json] = process.argv;
const spiral = JSON.parse(json!) as Spiral;
const [batch] = batchesOf(spiral);
const t = trainerOf(spiral.init, lossOf("dopri5_adjoint", spiral.t));
const start = performance.now();
t.step(batch!);
const first = performance.now();
t.step(batch!);
console.log(JSON.stringify({ first_ms: first - start, second_ms: performance.now() - first }));
