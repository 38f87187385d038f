//! `tidegate digest`: the new errors, in groups.

use tidegate_core::{
    app::{digest as send, preview},
    model::Digest,
    ports::{Notifier, Unavailable},
};
use tidegate_digest::{LAG_MS, Letter, Place};

use crate::{
    args::{self, PlaceOptions},
    commands::{operate::with_ports, print_json},
    failure::Failure,
};

/// Prints what is new since the last digest, and marks it as sent.
pub async fn digest(asked: args::Digest) -> Result<(), Failure> {
    let printer = Printer { place: place(&asked.place), asked: &asked };
    // On a folder nobody else is at work: it is locked.
    let lag_ms = if asked.place.aws { LAG_MS } else { 0 };
    if asked.dry_run {
        let digest =
            with_ports!(&asked.place, ports => preview(&ports.store, &ports.clock, lag_ms).await)?;
        printer.print(&digest);
        return Ok(());
    }
    let report = with_ports!(&asked.place, ports => send(&ports.store, &ports.clock, &printer, lag_ms).await)?;
    if report.sent == 0 {
        printer.print(&Digest::default());
    }
    Ok(())
}

/// A reader at a terminal.
struct Printer<'a> {
    place: Place,
    asked: &'a args::Digest,
}

impl Printer<'_> {
    fn print(&self, digest: &Digest) {
        if self.asked.json {
            print_json(digest);
        } else if digest.errors == 0 {
            println!("nothing new");
            if self.asked.place.aws {
                println!("errors of the last {} minutes are left to the next", LAG_MS / 60_000);
            }
        } else {
            let letter = Letter::new(digest, &self.place);
            println!("{}\n\n{}", letter.subject(), letter.text(usize::MAX));
            if !self.asked.place.aws {
                println!(
                    "For a flow of your own, give its file instead of its name, and its --param."
                );
            }
            if self.asked.dry_run {
                println!("It stays unsent; run it without --dry-run to mark it.");
            }
        }
    }
}

impl Notifier for Printer<'_> {
    async fn notify(&self, digest: &Digest) -> Result<(), Unavailable> {
        self.print(digest);
        Ok(())
    }
}

/// What a replay is to be told of where these errors are.
fn place(options: &PlaceOptions) -> Place {
    if !options.aws {
        let folder = options.state.display().to_string();
        return Place::new(&folder, &["--state", &folder]);
    }
    let mut words = vec!["--aws", "--stack", &options.stack];
    for (name, value) in [("--profile", &options.profile), ("--region", &options.region)] {
        if let Some(value) = value {
            words.extend([name, value]);
        }
    }
    Place::new(&options.stack, &words)
}
