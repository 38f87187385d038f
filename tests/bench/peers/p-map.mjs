// As most write it first: so many at once, and whoever is refused waits.
import pMap from "p-map";
import { deliver, orders } from "./orders.mjs";

await pMap(await orders(), deliver, { concurrency: 10 });
