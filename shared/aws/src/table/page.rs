//! A page's item: read, and settled.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use tidegate_core::{
    model::{Emission, EpochMs, Page, PageNumber, PageState, Settled, Settling, StreamId},
    ports::{NewPage, Settle, Unavailable, WholePage},
};

use super::{
    Table,
    item::{Item, Read, damaged, number, position, text},
    key::{self, Key},
    statements::{Executed, Statement},
    write::{Written, conditionally},
};

type Answer<T> = Result<T, Unavailable>;

const OPEN: &str = "OPEN";
const DONE: &str = "DONE";

/// How long a page is kept after its last record was settled, for whoever looks into yesterday.
/// Only ever set on a page that is done: an open one is the one truth about its records.
const DONE_KEPT_SECONDS: i64 = 30 * 24 * 3_600;

/// The page as it is sealed.
pub fn sealed(stream: &StreamId, page: &NewPage, now_ms: EpochMs) -> Item {
    let mut item = Key::page(stream, page.number).attributes();
    item.extend(
        [
            ("emission", text(&*page.emission.0)),
            ("from", position(&page.from)),
            ("to", position(&page.to)),
            ("count", number(page.count)),
            ("state", text(if page.count == 0 { DONE } else { OPEN })),
            ("last_progress_ms", number(now_ms)),
            ("attempts", number(0)),
            ("carried", number(0)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if page.count == 0 {
        item.insert("expires_at".to_owned(), number(now_ms / 1_000 + DONE_KEPT_SECONDS));
    }
    item
}

/// The page of an item.
pub fn read(item: &Item) -> Answer<Page> {
    let number = item.text("sk")?.strip_prefix("P#").and_then(|digits| digits.parse().ok());
    Ok(Page {
        number: number.ok_or_else(|| damaged("sk"))?,
        emission: Emission(item.text("emission")?.into()),
        from: item.position("from")?,
        to: item.position("to")?,
        count: item.number("count")?,
        settled: settled(item)?,
        state: state(item)?,
        last_progress_ms: item.number("last_progress_ms")?,
        // None before somebody left the page, and in tables of before it was written.
        waits_until_ms: item.number_if_any("waits_until_ms")?.unwrap_or(0),
        attempts: item.number("attempts")?,
        receives_at_clean_exit: item.number("carried")?,
    })
}

fn state(item: &Item) -> Answer<PageState> {
    match item.text("state")? {
        OPEN => Ok(PageState::Open),
        DONE => Ok(PageState::Done),
        _ => Err(damaged("state")),
    }
}

fn settled(item: &Item) -> Answer<Settled> {
    match item.get("settled") {
        // DynamoDB has no empty set.
        None => Ok(Settled::default()),
        Some(AttributeValue::Ns(indices)) => {
            indices.iter().map(|index| index.parse().map_err(|_| damaged("settled"))).collect()
        }
        Some(_) => Err(damaged("settled")),
    }
}

impl Table {
    pub(super) async fn read_pages_after(
        &self,
        stream: &StreamId,
        after: PageNumber,
        limit: usize,
    ) -> Answer<Vec<Page>> {
        let (pk, from) = (stream.to_string(), key::page(after + 1));
        let items = self.query(&pk, &from, key::PAGES_END, limit).await?;
        items.iter().map(read).collect()
    }

    /// Settles pages of which every record is settled.
    pub(super) async fn settle_pages(
        &self,
        stream: &StreamId,
        pages: &[WholePage],
    ) -> Vec<Answer<Settle>> {
        let statement = |WholePage { number: page, emission, settling }: &WholePage| {
            let Settling { receives, now_ms, waits_until_ms, .. } = settling;
            let set = vec![
                ("last_progress_ms", number(now_ms)),
                ("carried", number(receives)),
                ("waits_until_ms", number(waits_until_ms)),
                ("attempts", number(0)),
                // It is a reserved word.
                ("\"state\"", text(DONE)),
                ("expires_at", number(now_ms / 1_000 + DONE_KEPT_SECONDS)),
            ];
            let condition = vec![("emission", Some(text(&*emission.0)))];
            let key = Key::page(stream, *page);
            // The set has said all that it had to.
            Statement::update(self.name(), key, set, &["settled"], condition)
        };
        let statements: Vec<Statement> = pages.iter().map(statement).collect();
        let settled = |executed| match executed {
            Executed::Yes => Ok(Settle::Done),
            Executed::No(_) => Ok(Settle::Superseded),
            Executed::Unknown(why) => Err(why),
        };
        self.execute(&statements).await.into_iter().map(settled).collect()
    }

    pub(super) async fn settle_page(
        &self,
        stream: &StreamId,
        page: PageNumber,
        emission: &Emission,
        settling: &Settling,
    ) -> Answer<Settle> {
        let Settling { settled, done, tried, receives, now_ms, waits_until_ms } = settling;
        let update = self
            .update(Key::page(stream, page))
            .condition_expression("emission = :emission")
            .expression_attribute_values(":emission", text(&*emission.0))
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":receives", number(receives))
            .expression_attribute_values(":waits", number(waits_until_ms))
            .return_values(ReturnValue::AllNew);
        let carried = "SET last_progress_ms = :now, carried = :receives, waits_until_ms = :waits";
        let update = if *done {
            // The set has said all that it had to.
            update
                .update_expression(format!(
                    "{carried}, attempts = :zero, #state = :done, expires_at = :expires \
                     REMOVE settled"
                ))
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":done", text(DONE))
                .expression_attribute_values(":expires", number(now_ms / 1_000 + DONE_KEPT_SECONDS))
                .expression_attribute_values(":zero", number(0))
        } else if !settled.is_empty() {
            let indices = settled.iter().map(|index| index.to_string()).collect();
            update
                .update_expression(format!("{carried}, attempts = :zero ADD settled :set"))
                .expression_attribute_values(":set", AttributeValue::Ns(indices))
                .expression_attribute_values(":zero", number(0))
        } else if *tried {
            update
                .update_expression(format!("{carried}, attempts = attempts + :one"))
                .expression_attribute_values(":one", number(1))
        } else {
            update.update_expression(carried)
        };
        let Written::Yes(item) = conditionally(update).await? else {
            return Ok(Settle::Superseded);
        };
        let stands = read(&item)?;
        Ok(match stands.state {
            PageState::Done => Settle::Done,
            // Several processors settled the last of it between them, and none saw the whole.
            PageState::Open if stands.settled.len() >= stands.count => {
                let whole = Settling { settled: stands.settled, done: true, ..settling.clone() };
                return Box::pin(self.settle_page(stream, page, emission, &whole)).await;
            }
            PageState::Open => Settle::Open(stands.settled),
        })
    }
}
