// What both scripts share: all orders of the source, and one order into the destination.
const apis = JSON.parse(process.env.APIS);

export async function orders() {
  const all = [];
  for (let since = 0, more = true; more; ) {
    const url = `${apis.source_url}/orders?limit=100&since_id=${since}`;
    const headers = { authorization: `Bearer ${apis.source_token}` };
    const page = await (await fetch(url, { headers })).json();
    all.push(...page.orders);
    since = page.orders.at(-1)?.id ?? since;
    more = page.has_more;
  }
  return all;
}

// Tries again after 429, when the answer says.
export async function deliver(order) {
  const body = JSON.stringify({
    order_ref: order.number,
    external_id: order.id,
    recipient: order.customer.name,
    email: order.customer.email,
    phone: order.customer.phone,
    address: order.shipping,
    items: order.lines,
    total_cents: order.total_cents,
    currency: order.currency,
    placed_at: order.placed_at,
    priority: "standard",
    note: order.note,
  });
  const headers = {
    "content-type": "application/json",
    "x-api-key": apis.destination_key,
    "idempotency-key": `orders/${order.id}`,
  };
  for (;;) {
    const answer = await fetch(`${apis.destination_url}/fulfillments`, { method: "POST", headers, body });
    await answer.arrayBuffer();
    if (answer.ok) return;
    if (answer.status !== 429) throw new Error(`order ${order.id}: ${answer.status}`);
    const seconds = Number(answer.headers.get("retry-after") ?? 1);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}
