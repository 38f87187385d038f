//! A counterexample, for a person.

use super::{
    actions::{self, Action},
    guards::Guards,
    properties::at_rest,
    state::{Advance, Commit, Cursor, Fetcher, Message, Processor, Record, Request, State, Step},
};

/// The invariant's name, then one line a step: what happened, and the cursor where it moved. Where
/// nothing is broken yet, but rest would show it, that time is told too.
pub fn tell(invariant: &str, guards: Guards, path: &[(State, Option<Action>)]) -> String {
    let mut lines = vec![format!("{invariant}: broken after {} steps", path.len() - 1)];
    let steps = path.iter().filter_map(|(state, action)| Some((state, (*action)?)));
    let mut last = None;
    for (number, (before, action)) in (1..).zip(steps) {
        let after = actions::watched(before, guards, action);
        lines.push(format!("{number:>3}. {}", line(before, action, &after)));
        last = Some(after);
    }
    if let Some(last) = last.filter(|last| last.breach.is_none()) {
        lines.push("     From here on nothing fails:".into());
        let breach = at_rest(&last, guards, &mut |before, action| {
            let mut after = before.clone();
            actions::act(&mut after, guards, action);
            lines.push(format!("     {}", line(before, action, &after)));
        });
        lines.push(format!("     At rest: {breach:?}"));
    }
    lines.join("\n")
}

fn line(before: &State, action: Action, after: &State) -> String {
    let mut line = happened(before, action);
    if let Cursor { fence, head, next, commit } = after.cursor
        && after.cursor != before.cursor
    {
        let Commit { number, watermark } = commit;
        line += &format!(
            " [fence {fence}, head {head}, next {next}, committed {number}, watermark {watermark}]"
        );
    }
    if let Some(breach) = after.breach {
        line += &format!(" -> {breach:?}");
    }
    line
}

fn happened(state: &State, action: Action) -> String {
    match action {
        Action::Fetch(at) => fetching(state.fetchers[at]),
        Action::FetchTwice(at) => {
            format!("{}, and a copy of it stays on its way", fetching(state.fetchers[at]))
        }
        Action::Reap(at) => {
            format!("{} takes the oldest page for lost", fetcher(state.fetchers[at]))
        }
        Action::Stop(at) => format!("{} stops", fetcher(state.fetchers[at])),
        Action::Receive(_, message) => {
            format!("a processor receives and judges {}", named(message))
        }
        Action::Process(at) => processing(state.processors[at]),
        Action::ProcessTwice(at) => {
            format!("{}, and a copy of it stays on its way", processing(state.processors[at]))
        }
        Action::GiveUp(at) => {
            format!("{} hears nothing and gives it back", processor(state.processors[at]))
        }
        Action::LoseWrite(at) => {
            format!("{} sends a write that never arrives", processor(state.processors[at]))
        }
        Action::CrashProcessor(at) => format!("{} crashes", processor(state.processors[at])),
        Action::LeaveCommit(at) => {
            format!("{} leaves the commit to others", processor(state.processors[at]))
        }
        Action::Land(entity, write) => {
            let version = state.entities[entity].flying[write].version;
            format!("the write of entity {entity} at version {version} lands")
        }
        Action::Expire(entity) => format!("the lock of entity {entity} runs out"),
        Action::Arrive => format!("the copy of {} arrives", request(state)),
        Action::Lose(message) => format!("the queue loses {}", named(message)),
        Action::Update => "the source's entity 0 is updated to version 3".into(),
    }
}

fn fetching(at: Fetcher) -> String {
    let who = fetcher(at);
    match at {
        Fetcher::Idle => format!("{who} takes the lease"),
        Fetcher::Looking(_) => format!("{who} looks at the cursor and its pages"),
        Fetcher::Advancing(_, advance) => format!("{who} {}", advancing(advance)),
        Fetcher::Voiding(void) => {
            format!("{who} voids pages {} to {}", void.committed + 1, void.next - 1)
        }
        Fetcher::Reading(_, number, from) => {
            format!("{who} reads the source after {from}, for page {number}")
        }
        Fetcher::Sending(message) => format!("{who} sends {}", named(message)),
        Fetcher::Sealing(message) => format!("{who} asks to seal page {}", message.number),
    }
}

fn processing(at: Processor) -> String {
    let who = processor(at);
    let Processor::At(message, step) = at else { return who };
    let record = described(message.record);
    match step {
        Step::Judge => format!("{who}, which is not there, reads the cursor"),
        Step::Claim => format!("{who} claims {record}"),
        Step::Write => format!("{who} sends {record}"),
        Step::Await => format!("{who} waits"),
        Step::Finish => format!("{who} ends its claim of {record}"),
        Step::Settle => format!("{who} settles it"),
        Step::Look => format!("{who} looks at the cursor and its pages"),
        Step::Advance(advance) => format!("{who} {}", advancing(advance)),
        Step::Acknowledge => format!("{who} acknowledges it"),
    }
}

fn fetcher(at: Fetcher) -> String {
    let fence = match at {
        Fetcher::Idle => return "a fetcher".into(),
        Fetcher::Looking(fence) | Fetcher::Advancing(fence, _) | Fetcher::Reading(fence, ..) => {
            fence
        }
        Fetcher::Voiding(void) => void.fence,
        Fetcher::Sending(message) | Fetcher::Sealing(message) => message.fence,
    };
    format!("the fetcher of fence {fence}")
}

fn processor(at: Processor) -> String {
    match at {
        Processor::Idle => "a processor".into(),
        Processor::At(message, _) => {
            format!("the processor with page {} of fence {}", message.number, message.fence)
        }
    }
}

fn named(message: Message) -> String {
    let Message { number, fence, from, record } = message;
    format!("page {number} of fence {fence} (after {from}: {})", described(record))
}

fn described(record: Record) -> String {
    format!("entity {} at version {}", record.entity, record.version)
}

fn advancing(advance: Advance) -> String {
    let Advance { from, to } = advance;
    format!(
        "asks to commit from page {} at {} to page {} at {}",
        from.number, from.watermark, to.number, to.watermark
    )
}

fn request(state: &State) -> String {
    match state.stray {
        Some(Request::Seal(message)) => format!("the seal of {}", named(message)),
        Some(Request::Void(void)) => {
            format!("the void of pages {} to {}", void.committed + 1, void.next - 1)
        }
        Some(Request::Advance(advance)) => format!("the one that {}", advancing(advance)),
        Some(Request::Claim(record)) => format!("the claim of {}", described(record)),
        None => "nothing".into(),
    }
}
