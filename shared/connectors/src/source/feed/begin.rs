//! How a walk begins: with a file that was not read, behind what was read of one, or not at all.

use tidegate_core::{
    model::Position,
    ports::{Held, SourceError},
};
use tidegate_transfer::{Answer, Ask, Identity, Opened, Resumed, resume};
use tokio::time::Instant;

use super::{
    errors,
    gone::Leaving,
    lists::Listed,
    reading::Reading,
    settle,
    source::FeedSource,
    state::{Pass, Stage, State},
};
use crate::source::steps::{Resumed as At, Steps};

/// What there is to do.
pub(super) enum Begun<'a> {
    /// The file is the one that was read.
    Unchanged,
    /// It may still be written.
    Unsettled(Held),
    Reading(Box<Reading<'a>>),
    Leaving(Box<Leaving>),
}

/// Looks at the file. Answers also with the number of requests.
pub(super) async fn begin<'a>(
    source: &'a FeedSource,
    from: &Position,
    until: Instant,
) -> Result<(Begun<'a>, u32), SourceError> {
    let (steps, resumed) = Steps::resume::<State>(from)?;
    let state = match resumed {
        At::Start => return begin_first(source, steps, until).await,
        At::Mark(_) => return Err(errors::of_another_kind()),
        At::State(state) => state,
    };
    match state.there.stage {
        Stage::Reading => go_on(source, steps, state, until).await,
        Stage::Gone => Ok((Begun::Leaving(Box::new(Leaving::resume(steps, state))), 0)),
        Stage::Done => look_again(source, steps, state, until).await,
        Stage::Kept { thousandths } if source.permits(thousandths) => {
            // The flow permits now what it did not: all of the file is looked at once more.
            begin_next(source, steps, &state, None, until).await
        }
        Stage::Kept { thousandths } => {
            let (begun, requests) = look_again(source, steps, state, until).await?;
            match begun {
                Begun::Unchanged => Err(source.too_much_is_gone(thousandths)),
                begun => Ok((begun, requests)),
            }
        }
    }
}

async fn begin_first(
    source: &FeedSource,
    steps: Steps,
    until: Instant,
) -> Result<(Begun<'_>, u32), SourceError> {
    let Answer::Opened(opened) = source.open(Ask::Whole { unless: None }, until).await? else {
        return Err(errors::unasked_unchanged());
    };
    begin_file(source, steps, None, None, opened, until).await
}

/// The file was read to its end: is there another one now?
async fn look_again<'a>(
    source: &'a FeedSource,
    steps: Steps,
    state: State,
    until: Instant,
) -> Result<(Begun<'a>, u32), SourceError> {
    let file = state.pass.file.clone();
    begin_next(source, steps, &state, Some(&file), until).await
}

/// Reads the next file, or the same once more, where it is not `read`.
async fn begin_next<'a>(
    source: &'a FeedSource,
    steps: Steps,
    state: &State,
    read: Option<&Identity>,
    until: Instant,
) -> Result<(Begun<'a>, u32), SourceError> {
    match source.open(Ask::Whole { unless: read }, until).await? {
        Answer::Unchanged => Ok((Begun::Unchanged, 1)),
        Answer::Opened(opened) if read.is_some_and(|it| it.is_unchanged(&opened.identity)) => {
            Ok((Begun::Unchanged, 1))
        }
        Answer::Opened(opened) => {
            let base = state.there.list.clone();
            begin_file(source, steps, Some(&state.pass), base, opened, until).await
        }
    }
}

/// Begins with a file from its first byte on.
async fn begin_file<'a>(
    source: &'a FeedSource,
    steps: Steps,
    before: Option<&Pass>,
    base: Option<Listed>,
    opened: Opened,
    until: Instant,
) -> Result<(Begun<'a>, u32), SourceError> {
    let now_ms = (source.now)();
    if let Some(until_ms) = settle::unsettled_until_ms(source, &opened.identity, now_ms).await? {
        let read_to_ms = before.map_or(0, |before| before.seen_s * 1_000);
        return Ok((Begun::Unsettled(Held { read_to_ms, until_ms }), 1));
    }
    let pass = Pass::new(opened.identity.clone(), before, base, now_ms);
    let reading = Reading::begin(source, steps, pass, opened, until).await?;
    Ok((Begun::Reading(Box::new(reading)), 1))
}

/// Goes on in a file, if it is still there as it was.
async fn go_on<'a>(
    source: &'a FeedSource,
    steps: Steps,
    state: State,
    until: Instant,
) -> Result<(Begun<'a>, u32), SourceError> {
    match reopen(source, &state, until).await? {
        Resumed::Here(opened) => {
            let reading = Reading::resume(source, steps, state, opened, until).await?;
            Ok((Begun::Reading(Box::new(reading)), 1))
        }
        Resumed::Anew(opened) => {
            tracing::info!(
                file = %source.shown, records = state.there.at.number(),
                "another file is there than the one that was being read: it is read from its beginning"
            );
            let State { pass, there } = state;
            let base = join(source, pass.base.as_ref(), there.list.as_ref()).await?;
            let (begun, requests) =
                begin_file(source, steps, Some(&pass), base, opened, until).await?;
            Ok((begun, requests + 1))
        }
    }
}

async fn reopen(
    source: &FeedSource,
    state: &State,
    until: Instant,
) -> Result<Resumed, SourceError> {
    let place = tidegate_feed::Place::from(state.there.at);
    let of = &state.pass.file;
    // Of a packed file it may lie behind the place where the unpacking begins: then it is compared when it is reached.
    if let Some(seam) = state.there.seam.as_ref().filter(|seam| seam.at <= place.at) {
        return resume(&*source.file, of, seam, until).await.map_err(errors::of_transfer);
    }
    let ask = match place.at {
        0 => Ask::Whole { unless: None },
        from => Ask::Rest { of, from },
    };
    match source.open(ask, until).await? {
        Answer::Opened(opened) if of.contradicts(&opened.identity) => Ok(Resumed::Anew(opened)),
        Answer::Opened(opened) => Ok(Resumed::Here(opened)),
        Answer::Unchanged => Err(errors::unasked_unchanged()),
    }
}

/// What was known before a file that was not read to its end, and what is known of that one.
async fn join(
    source: &FeedSource,
    base: Option<&Listed>,
    list: Option<&Listed>,
) -> Result<Option<Listed>, SourceError> {
    let lists = &source.lists;
    match (base, list) {
        (Some(base), Some(list)) => {
            match (lists.open(Some(base)).await?, lists.open(Some(list)).await?) {
                (Some(base), Some(list)) => lists.join(base, &list).await.map(Some),
                _ => Ok(None),
            }
        }
        (base, list) => Ok(list.or(base).cloned()),
    }
}
