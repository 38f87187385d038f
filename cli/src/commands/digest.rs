//! `tidegate digest`: the new errors, in groups.

use clap::Args;
use tidegate_core::{
    app::{digest, preview},
    model,
    ports::{Notifier, Unavailable},
};
use tidegate_digest::{LAG_MS, Letter, Place};

use crate::{
    failure::Failure, operator_ports::with_ports, options::StateOptions, output::print_json,
};

/// Shows the errors that are new since the last digest, of all streams, in groups.
#[derive(Debug, Args)]
pub struct Digest {
    #[command(flatten)]
    pub state: StateOptions,
    /// Only shows it: the next digest shows it again.
    #[arg(long)]
    pub dry_run: bool,
    /// Prints each digest as one JSON object, as the last lines.
    #[arg(long)]
    pub json: bool,
}

/// Prints what is new since the last digest, and marks it as sent.
pub async fn run(asked: Digest) -> Result<(), Failure> {
    let printer = Printer { place: place(&asked.state), asked: &asked };
    // A folder is locked, so no other process can be writing errors into it.
    let lag_ms = if asked.state.aws { LAG_MS } else { 0 };
    if asked.dry_run {
        let digest = with_ports!(
            &asked.state,
            ports => preview(&ports.store, &ports.clock, lag_ms).await
        )?;
        printer.print(&digest);
        return Ok(());
    }
    let report = with_ports!(
        &asked.state,
        ports => digest(&ports.store, &ports.clock, &printer, lag_ms).await
    )?;
    if report.sent == 0 {
        printer.print(&model::Digest::default());
    }
    Ok(())
}

/// A reader at a terminal.
struct Printer<'a> {
    place: Place,
    asked: &'a Digest,
}

impl Printer<'_> {
    fn print(&self, digest: &model::Digest) {
        if self.asked.json {
            print_json(digest);
        } else if digest.errors == 0 {
            println!("nothing new: no error was reported since the last digest");
            if self.asked.state.aws {
                println!(
                    "errors of the last {} minutes are left to the next digest",
                    LAG_MS / 60_000
                );
            }
        } else {
            let letter = Letter::new(digest, &self.place);
            println!("{}\n\n{}", letter.subject(), letter.text(usize::MAX));
            if !self.asked.state.aws {
                println!(
                    "For a flow of your own, give its file instead of its name, and its --param."
                );
            }
            if self.asked.dry_run {
                println!(
                    "This digest is not marked as sent: run the command without --dry-run to mark it."
                );
            }
        }
    }
}

impl Notifier for Printer<'_> {
    async fn notify(&self, digest: &model::Digest) -> Result<(), Unavailable> {
        self.print(digest);
        Ok(())
    }
}

/// What a replay is to be told of where these errors are.
fn place(options: &StateOptions) -> Place {
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_replay_is_told_the_same_state_as_the_digest() {
        let mut options = StateOptions {
            state: PathBuf::from("here"),
            aws: false,
            stack: "orders".to_owned(),
            profile: None,
            region: Some("eu-west-1".to_owned()),
        };
        let told = |place: Place| format!("{place:?}");
        assert_eq!(told(place(&options)), told(Place::new("here", &["--state", "here"])));
        options.aws = true;
        let words = ["--aws", "--stack", "orders", "--region", "eu-west-1"];
        assert_eq!(told(place(&options)), told(Place::new("orders", &words)));
    }
}
