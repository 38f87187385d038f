//! A budget's item: the next moment that it gives away.
//!
//! One update leases any number of moments. While others lease, the item is ahead of the clock, and the
//! update only adds to it; after a pause it is behind, and starts again from now.

use tidegate_core::{
    model::{Ask, BudgetId, Leased},
    ports::{Budgets, Unavailable},
};

use super::{
    Table,
    item::{Read, number},
    key::Key,
    write::{Written, conditionally},
};

/// Others may lease between a look and the update that it led to.
const TRIES: u32 = 20;

impl Budgets for Table {
    async fn lease(&self, budget: &BudgetId, ask: Ask) -> Result<Leased, Unavailable> {
        let mut want = ask.want;
        for _ in 0..TRIES {
            let ask = Ask { want, ..ask };
            let span_us = i64::from(want) * ask.spacing_us;
            let last_us = ask.until_us - (span_us - ask.spacing_us);
            let update = self
                .update(Key::budget(budget))
                .update_expression("SET next_us = next_us + :span")
                .condition_expression("next_us >= :now AND next_us <= :last")
                .expression_attribute_values(":span", number(span_us))
                .expression_attribute_values(":now", number(ask.now_us))
                .expression_attribute_values(":last", number(last_us))
                .return_values(aws_sdk_dynamodb::types::ReturnValue::UpdatedNew);
            let stands = match conditionally(update).await? {
                Written::Yes(item) => {
                    let next_us: i64 = item.number("next_us")?;
                    return Ok(Leased { first_us: next_us - span_us, count: want });
                }
                Written::No(item) => item,
            };
            let next_us = match &stands {
                Some(item) => Some(item.number("next_us")?),
                None => None,
            };
            let (leased, after_us) = ask.lease(next_us);
            if leased.count == 0 {
                return Ok(leased);
            }
            want = leased.count;
            if next_us.is_some_and(|next_us: i64| next_us >= ask.now_us) {
                // Only fewer fit.
                continue;
            }
            let update = self
                .update(Key::budget(budget))
                .update_expression("SET next_us = :after")
                .condition_expression("attribute_not_exists(pk) OR next_us < :now")
                .expression_attribute_values(":after", number(after_us))
                .expression_attribute_values(":now", number(ask.now_us));
            if conditionally(update).await?.is_yes() {
                return Ok(leased);
            }
        }
        Err(Unavailable(format!("the budget {} is never as it was seen", budget.as_str())))
    }
}
