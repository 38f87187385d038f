// A queue that is throttled: 50 in a second, 10 at once.
import PQueue from "p-queue";
import { deliver, orders } from "./orders.mjs";

const queue = new PQueue({ concurrency: 10, interval: 1000, intervalCap: 50 });
await queue.addAll((await orders()).map((order) => () => deliver(order)));
