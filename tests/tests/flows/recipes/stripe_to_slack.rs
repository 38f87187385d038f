//! docs/recipes/stripe-to-slack.md: newest first, and `ok: false` in a 200.

use std::time::Duration;

use super::{
    recipe::Recipe,
    server::{Api, Desk, Fault},
    slack::{self, Slack},
    stripe::{self, Stripe, charge},
};

/// Two in a second, so that a page ends between two of one.
fn charges(numbers: impl Iterator<Item = u64>) -> Vec<serde_json::Value> {
    numbers.map(|number| charge(number, number / 2)).collect()
}

struct World {
    stripe: Api<Stripe>,
    slack: Api<Slack>,
    recipe: Recipe,
}

impl World {
    fn new(stripe: Stripe, slack: Slack) -> Self {
        let (stripe, slack) = (Api::start(stripe), Api::start(slack));
        let faster = [
            ("rate: 1/s", "rate: 50/s"),
            ("rate: 20/s", "rate: 200/s"),
            ("landing: 30s", "landing: 100ms"),
        ];
        let recipe = Recipe::new("stripe-to-slack", &faster)
            .param("channel", slack::CHANNEL)
            .param("stripe", &stripe.url)
            .param("slack", &slack.url)
            .secret("stripe_key", stripe::KEY)
            .secret("slack_token", slack::TOKEN);
        Self { stripe, slack, recipe }
    }

    /// The numbers of the charges that are in the channel, each of them as often as it is there.
    fn posted(&self) -> Vec<u64> {
        let number = |text: &String| text.rsplit(' ').next()?.parse().ok();
        let mut posted: Vec<u64> = self.slack.state().messages.iter().filter_map(number).collect();
        posted.sort_unstable();
        posted
    }
}

fn slack(faults: &[(usize, Fault)]) -> Slack {
    Slack {
        desk: Desk::new(faults).limited(50, Duration::from_secs(1)),
        messages: Vec::new(),
        is_member: true,
        forbidden: "charge 33",
    }
}

#[test]
fn each_charge_is_posted_once_or_parked_with_what_slack_says() {
    let stripe = Stripe {
        desk: Desk::new(&[(2, Fault::Failed), (3, Fault::Limited), (5, Fault::LostAnswer)]),
        charges: charges(1..=120),
        to_come: charges(121..=124),
    };
    // The seventh message is in the channel, and its answer is lost.
    let slack = slack(&[(4, Fault::Limited), (7, Fault::LostAnswer), (20, Fault::Failed)]);
    let world = World::new(stripe, slack);
    world.recipe.run();
    // What was added while the list was read is above where the run began.
    world.recipe.run();
    let parked = world.recipe.parked();
    assert_eq!(parked.len(), 2, "{parked:?}");
    for words in ["restricted_action_non_threadable_channel", "unknown: it may have been applied"] {
        assert!(parked.iter().any(|(_, reason)| reason.contains(words)), "{parked:?}");
    }

    // None is there twice; the one whose answer was lost is there, and among the parked.
    let posted = world.posted();
    let mut without_repeats = posted.clone();
    without_repeats.dedup();
    assert_eq!(posted, without_repeats);
    let succeeded = (1..=124).filter(|number| !u64::is_multiple_of(*number, 10)).count();
    assert_eq!(posted.len(), succeeded - parked.len() + 1);
    world.stripe.assert_proper();
    world.slack.assert_proper();
    // Another run sees the newest page alone.
    let before = world.stripe.state().desk.requests;
    world.recipe.run();
    assert!(world.stripe.state().desk.requests <= before + 2);
    assert_eq!(world.posted(), posted);
}

#[test]
fn where_the_app_is_not_in_the_channel_the_run_stops_and_parks_nothing() {
    let stripe = Stripe { desk: Desk::new(&[]), charges: charges(1..=20), to_come: Vec::new() };
    let world = World::new(stripe, Slack { is_member: false, ..slack(&[]) });
    let ended = world.recipe.attempt_for("12s");
    assert_ne!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("not_in_channel"), "{}", ended.stderr);
    assert_eq!((world.recipe.parked(), world.posted()), (vec![], vec![]));
}
