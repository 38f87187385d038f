//! The `leads` flow against LiveChat and Marketo.

use comfy_table::{Table, presets::NOTHING};
use serde::Serialize;
use tidegate_core::{
    app::digest,
    model::Digest,
    ports::{Notifier, Unavailable},
};
use tidegate_digest::{Letter, Place};
use tidegate_examples::{
    faults::Rate,
    leads::{Audit, Leads, LeadsConfig, LiveChatConfig, MarketoConfig},
};
use tidegate_flow::Connection;

use crate::{
    connection,
    embedded::State,
    failure::Failure,
    options::{HostOptions, WorldOptions},
    output::print_json,
    runner::{Runner, clock},
    stream,
    summary::Summary,
    text::{count, span},
};

/// So short that it ends in the middle of the run.
const TOKEN_EXPIRES_IN_S: u64 = 2;
/// Every so many-th lead is refused, so that there is something to tell.
const REFUSE_EVERY: u64 = 500;
/// So many of the leads have an e-mail that others have too: at times there are more leads for a look-up
/// than Marketo puts into an answer.
const SHARED: f64 = 0.01;

#[derive(Serialize)]
struct DemoSummary {
    #[serde(flatten)]
    summary: Summary,
    digest_errors: u64,
    audit: Audit,
}

/// Runs the flow to its end, and shows its digest and Marketo's audit.
pub(super) async fn show(
    world: &WorldOptions,
    host: &HostOptions,
    state: &State,
) -> Result<(), Failure> {
    let played = play(world, host, state, host.json).await?;
    let complete = played.complete();
    let Played { summary, digest_errors, audit } = played;
    if host.json {
        print_json(&DemoSummary { summary, digest_errors, audit });
    } else {
        println!("{}", summary.table());
        println!("{}", table(&audit, &summary));
    }
    complete
}

/// The flow, run to its end, and its digest.
pub(super) struct Played {
    /// What it took.
    pub(super) summary: Summary,
    digest_errors: u64,
    audit: Audit,
}

impl Played {
    /// Whether Marketo has all that it should have, and as it should.
    pub(super) fn complete(&self) -> Result<(), Failure> {
        let faults = faults(&self.audit, &self.summary, self.digest_errors);
        if faults.is_empty() { Ok(()) } else { Err(Failure::run(faults.join("; "))) }
    }
}

/// Runs the flow against example APIs, on a state that nothing was run on before.
pub(super) async fn play(
    world: &WorldOptions,
    host: &HostOptions,
    state: &State,
    quiet: bool,
) -> Result<Played, Failure> {
    let mut file = connection::shipped("leads")?;
    // All of the example's chats have ended: nothing joins behind what was read, and a run is not over
    // before its lag is.
    file.spec.settings.settle_lag_ms = 0;
    let leads = Leads::start(leads_config(world)).await?;
    let given = connection_to(&leads);
    let stream = stream::id(&file.spec.name, "default")?;
    let flow = connection::flow(file, stream, &given, &state.table, clock(host))?;
    if !quiet {
        println!("leads: {} chats at {}", count(world.records), leads.source_url);
    }
    let runner = Runner { total: Some(world.records), ..Runner::of(flow, state, host) };
    let app = runner.app.clone();
    let summary = runner.run(|_| true).await?;
    let digest_errors =
        digest(&app.ports.store, &app.ports.clock, &Reader { prints: !quiet }, 0).await?.errors;
    Ok(Played { summary, digest_errors, audit: leads.audit() })
}

/// The reader of the digest, at a terminal.
struct Reader {
    prints: bool,
}

impl Notifier for Reader {
    async fn notify(&self, digest: &Digest) -> Result<(), Unavailable> {
        if self.prints {
            let place = Place::new("the demo", &["--state", ".state"]);
            let letter = Letter::new(digest, &place);
            println!("The digest: {}\n\n{}", letter.subject(), letter.text(usize::MAX));
        }
        Ok(())
    }
}

/// What ought not to be, by Marketo's own count.
fn faults(audit: &Audit, summary: &Summary, digest_errors: u64) -> Vec<String> {
    let limits =
        audit.limit_errors.rate + audit.limit_errors.concurrency + audit.limit_errors.quota;
    let expected = audit.chats_refused + audit.chats_with_malformed_email;
    let zero = [
        ("visitors are in no lead", audit.missing),
        ("known fields were overwritten", audit.overwritten),
        ("empty fields were not filled", audit.unfilled),
        ("answers were a limit's", limits),
        ("look-ups were too long", audit.lookup_values_max.saturating_sub(300)),
    ];
    let mut faults: Vec<String> = zero
        .into_iter()
        .filter(|(_, found)| *found > 0)
        .map(|(what, found)| format!("{} {what}", count(found)))
        .collect();
    for (what, found) in [("are parked", summary.parked), ("are in the digest", digest_errors)] {
        if found != expected {
            faults.push(format!("{} chats {what}, {} ought to be", count(found), count(expected)));
        }
    }
    if !summary.caught_up {
        faults.push("leads is not caught up".to_owned());
    }
    faults
}

fn table(audit: &Audit, summary: &Summary) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    let limits = &audit.limit_errors;
    row("Marketo's audit", format!("after {}", span(summary.elapsed_ms)));
    row(
        "leads before / created",
        format!("{} / {}", count(audit.leads_before), count(audit.created)),
    );
    row("records that completed a lead", count(audit.updated));
    row("empty fields filled", count(audit.filled));
    row("known fields overwritten", count(audit.overwritten));
    row("e-mails in no lead", count(audit.missing));
    row("refused, and parked", count(summary.parked));
    row(
        "look-ups / posts",
        format!(
            "{} of at most {} e-mails, {} cut off at 300 leads / {} of at most {} records",
            count(audit.lookups),
            audit.lookup_values_max,
            count(audit.lookups_with_more),
            count(audit.posts),
            audit.post_records_max
        ),
    );
    row(
        "limits met: rate / concurrency / quota",
        format!("{} / {} / {}", limits.rate, limits.concurrency, limits.quota),
    );
    row(
        "tokens issued",
        format!("{} ({} calls met an expired one)", audit.tokens_issued, audit.expired_calls),
    );
    table
}

/// The parameters and secrets of a connection to these APIs.
fn connection_to(leads: &Leads) -> Connection {
    connection::of(
        &[
            ("livechat_url", &leads.source_url),
            ("livechat_account", &leads.source_account),
            ("marketo_url", &leads.destination_url),
        ],
        &[
            ("livechat_token", &leads.source_token),
            ("marketo_client_id", &leads.client_id),
            ("marketo_client_secret", &leads.client_secret),
        ],
    )
}

/// The example APIs as the command line wants them.
pub fn leads_config(world: &WorldOptions) -> LeadsConfig {
    let default = MarketoConfig::default();
    LeadsConfig {
        chats: world.records,
        seed: world.seed,
        livechat: LiveChatConfig {
            latency_ms: world.source_latency_ms,
            ..LiveChatConfig::default()
        },
        marketo: MarketoConfig {
            latency_ms: world.latency_ms,
            token_expires_in_s: TOKEN_EXPIRES_IN_S,
            rate: world.rate.map_or(default.rate, |requests| Rate { requests, per_ms: 1_000 }),
            concurrency_max: world.concurrency.unwrap_or(default.concurrency_max),
            fail_before: world.fail_before,
            fail_after: world.fail_after,
            drop: world.drop,
            shared: SHARED,
            refuse_every: Some(world.refuse_every.unwrap_or(REFUSE_EVERY)),
            ..default
        },
        ..LeadsConfig::default()
    }
}
