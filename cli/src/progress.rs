//! The live line of a long run: it is not shown where standard error is no terminal.

use std::{sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tidegate_core::{
    model::{EpochMs, ShownStall},
    ports::Clock,
};
use tidegate_runtime::WallClock;
use tokio::task::JoinHandle;

use crate::{account::Account, summary::shown, text::count};

const EVERY: Duration = Duration::from_millis(100);

/// Says what a run does beside what is counted for every run, such as how much of a file was read.
pub type Beside = Box<dyn Fn() -> String + Send + Sync>;

/// Shows how a run goes until it is dropped; on standard error, and only at a terminal.
pub struct Progress {
    bar: ProgressBar,
    ticker: JoinHandle<()>,
}

impl Progress {
    /// Starts to show. `total` is the number of records, where it is known; `beside` is asked for what else there is to
    /// say.
    pub fn start(account: Arc<Account>, total: Option<u64>, beside: Option<Beside>) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = match total {
            Some(_) => "{spinner} {wide_bar:.cyan/dim} {percent:>3}%  {msg}",
            None => "{spinner} {elapsed_precise}  {msg}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is right"));
        let shown = bar.clone();
        let began_ms = WallClock::default().now_ms();
        let ticker = tokio::spawn(async move {
            loop {
                let (settled, mut message) = line(&account, began_ms);
                if let Some(beside) = &beside {
                    message = format!("{}  {message}", beside());
                }
                shown.set_position(settled);
                shown.set_message(message);
                shown.tick();
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { bar, ticker }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ticker.abort();
        self.bar.finish_and_clear();
    }
}

fn line(account: &Account, began_ms: EpochMs) -> (u64, String) {
    let app = account.app();
    let totals = app.meter.totals();
    let queue = app.ports.queue.counts();
    let tally = totals.tally;
    let settled = tally.delivered + tally.skipped + tally.parked;
    let elapsed_ms = u64::try_from(WallClock::default().now_ms() - began_ms).unwrap_or(0).max(1);
    let mut message = format!(
        "{} records  {}/s  lag {} pages  in flight {}  parked {}",
        count(settled),
        count(settled * 1_000 / elapsed_ms),
        totals.pages.saturating_sub(totals.pages_done),
        queue.in_flight,
        count(tally.parked),
    );
    for stall in account.stalls() {
        message.push_str("  waits for ");
        message.push_str(&shown(&ShownStall::from(&stall)));
    }
    (settled, message)
}
