//! Runs the simulation on all cores: `cargo run --release -p tidegate-simulation -- --help`.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use clap::Parser;
use tidegate_simulation::{
    Guard, episode,
    mutation::{Noticed, notice},
    scenario::Scenario,
    seeds::{explain, simulate_all},
    sweep,
};

/// The commit protocol under every fault.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to run, over all scenarios.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Show the history of one seed instead.
    #[arg(long)]
    explain: Option<u64>,
    /// Crash at every await of the small runs, and at every pair of the two pages, instead.
    #[arg(long)]
    sweep: bool,
    /// Play the outages instead.
    #[arg(long)]
    outages: bool,
    /// Take out every guard in turn instead, and run up to so many seeds.
    #[arg(long)]
    mutate: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let began = Instant::now();
    if let Some(seed) = arguments.explain {
        println!("{}", explain(seed, Scenario::of(seed), None));
    } else if arguments.sweep {
        let singles = sweep::singles().map_err(anyhow::Error::msg)?;
        println!("{} awaits, {} runs, {} calls", singles.awaits, singles.runs, singles.calls.len());
        let pairs = sweep::pairs().map_err(anyhow::Error::msg)?;
        println!("{} pairs of awaits, {} runs", pairs.awaits, pairs.runs);
    } else if arguments.outages {
        for episode in episode::an_hour()
            .into_iter()
            .chain([episode::killer(1_000), episode::nine_hours_of_quota()])
            .chain(episode::three_days())
        {
            let told = episode::play(&episode, None).map_err(anyhow::Error::msg)?;
            println!("{:?}\n  {told:?}", episode.down);
            if let Some(harm) = episode::harm(&told, &episode) {
                anyhow::bail!("that is harm: {harm}");
            }
        }
    } else if arguments.mutate {
        let mut unnoticed = 0;
        for guard in Guard::ALL {
            let noticed = notice(*guard, arguments.seeds / Scenario::ALL.len() as u64);
            println!("{:20} {}", format!("{guard:?}"), noticed.line());
            unnoticed += u32::from(noticed == Noticed::Nothing);
        }
        anyhow::ensure!(unnoticed == 0, "{unnoticed} guards are out, and nothing notices");
    } else {
        let done = AtomicU64::new(0);
        let seen = |seeds| {
            let before = done.fetch_add(seeds, Relaxed);
            if before / 50_000 != (before + seeds) / 50_000 {
                eprintln!("{} seeds in {} s", before + seeds, began.elapsed().as_secs());
            }
        };
        if let Err(breach) = simulate_all(arguments.first, arguments.seeds, seen) {
            let scenario = Scenario::of(breach.seed);
            eprintln!("{}", explain(breach.seed, scenario, None));
            std::process::exit(1);
        }
        println!("{} seeds, 0 breaches", arguments.seeds);
    }
    eprintln!("in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}
