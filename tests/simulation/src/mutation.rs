//! Guards taken out, one at a time: what notices.

use tidegate_core::guard::Guard;

use crate::{episode, scenario::Scenario, seeds::simulate, sweep};

/// What noticed that a guard was out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noticed {
    /// So many seeds held, over all scenarios in turn, before one of this scenario did not.
    Seeds(u64, Scenario, String),
    /// This seed of this scenario, which was tried first.
    Seed(u64, Scenario, String),
    /// A run of the sweep.
    Sweep(String),
    /// An outage.
    Outage(String),
    /// Nothing.
    Nothing,
}

/// Most guards are missed at once.
const FIRST_SEEDS: u64 = 100;

/// What noticed, the last time, that a guard was out which most seeds survive.
enum Known {
    Seed(u64, Scenario),
    Outage,
}

/// Where to look first for a guard that is seldom missed. A change of the rules makes other runs of the same
/// seeds: what is written here then finds nothing, and `simulate --mutate` tells what to write instead.
fn known(guard: Guard) -> Option<Known> {
    Some(match guard {
        Guard::VoidAsSeen => Known::Seed(105, Scenario::Log),
        Guard::LookTwice => Known::Seed(43, Scenario::Killers),
        Guard::ParkFirst => Known::Seed(0, Scenario::Charges),
        Guard::RefusedIsNotApplied => Known::Seed(3, Scenario::Restarts),
        Guard::YieldToNewer => Known::Seed(9, Scenario::Restarts),
        Guard::ParkedUntilSettled => Known::Seed(0, Scenario::Charges),
        Guard::SlotUntilLanded => Known::Seed(3, Scenario::Restarts),
        Guard::SlotExpires => Known::Seed(34, Scenario::Charges),
        Guard::RewindFence => Known::Seed(5, Scenario::Killers),
        Guard::AnsweredMayLand => Known::Seed(89, Scenario::Restarts),
        Guard::LandingOutlivesProcess => Known::Seed(388, Scenario::Restarts),
        Guard::ReceiptsLast
        | Guard::CarriedIsNotLost
        | Guard::HiddenIsNotLost
        | Guard::OneProbe
        | Guard::GiveUpAlone => Known::Outage,
        _ => return None,
    })
}

/// Takes out a guard and looks for what notices: where it was noticed the last time, and as `notice` does if
/// that finds nothing now.
pub fn still_noticed(guard: Guard, seeds: u64) -> Noticed {
    let known = known(guard).and_then(|known| match known {
        Known::Seed(seed, scenario) => {
            let breach = simulate(seed, scenario, Some(guard)).err()?;
            Some(Noticed::Seed(seed, scenario, breach.what))
        }
        Known::Outage => episode::shows(guard).map(Noticed::Outage),
    });
    known.unwrap_or_else(|| notice(guard, seeds))
}

/// Takes out a guard and looks for what notices: seeds, in turn in every scenario, up to `seeds` of
/// each; the sweep; the outages.
pub fn notice(guard: Guard, seeds: u64) -> Noticed {
    seeded(guard, 0, seeds.min(FIRST_SEEDS))
        .or_else(|| sweep::shows(guard).map(Noticed::Sweep))
        .or_else(|| episode::shows(guard).map(Noticed::Outage))
        .or_else(|| seeded(guard, FIRST_SEEDS, seeds))
        .unwrap_or(Noticed::Nothing)
}

fn seeded(guard: Guard, from: u64, to: u64) -> Option<Noticed> {
    let mut held = from * Scenario::ALL.len() as u64;
    for seed in from..to {
        for scenario in Scenario::ALL {
            if let Err(breach) = simulate(seed, *scenario, Some(guard)) {
                return Some(Noticed::Seeds(held, *scenario, breach.what));
            }
            held += 1;
        }
    }
    None
}

impl Noticed {
    /// In one line.
    pub fn line(&self) -> String {
        let (by, breach) = match self {
            Self::Seeds(held, scenario, breach) => {
                (format!("after {held} seeds, by {scenario:?}"), breach.as_str())
            }
            Self::Seed(seed, scenario, breach) => {
                (format!("by seed {seed} of {scenario:?}"), breach.as_str())
            }
            Self::Sweep(breach) => ("by the sweep".into(), breach.as_str()),
            Self::Outage(harm) => ("by an outage".into(), harm.as_str()),
            Self::Nothing => ("NOT NOTICED".into(), ""),
        };
        let first = breach.lines().next().unwrap_or_default();
        let short: String = first.chars().take(110).collect();
        format!("{by:36} {short}")
    }
}
