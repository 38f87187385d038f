//! A recipe's own flow file, run as a reader runs it.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::flows::process::{Ended, Tidegate, tidegate};

/// A flow file of docs/recipes with a connection's values, and a state of its own.
pub struct Recipe {
    folder: TempDir,
    params: Vec<String>,
    secrets: Vec<(&'static str, &'static str)>,
}

impl Recipe {
    /// The flow of this name. `faster` has what is written otherwise for the test to take no longer than it must: a limit
    /// or a wait, a hundredth of it, say, where the example API has the same.
    pub fn new(name: &str, faster: &[(&str, &str)]) -> Self {
        let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recipes");
        let mut text = fs::read_to_string(recipes.join(format!("{name}.yaml"))).expect("a recipe");
        for (real, faster) in faster {
            assert_eq!(text.matches(real).count(), 1, "{name}.yaml has one `{real}`");
            text = text.replace(real, faster);
        }
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("flow.yaml"), text).expect("it can be written");
        Self { folder, params: Vec::new(), secrets: Vec::new() }
    }

    pub fn param(mut self, name: &str, value: &str) -> Self {
        self.params.push(format!("{name}={value}"));
        self
    }

    pub fn secret(mut self, name: &'static str, value: &'static str) -> Self {
        self.secrets.push((name, value));
        self
    }

    fn command(&self, name: &str, options: &[&str]) -> Tidegate {
        let path = |name| self.folder.path().join(name).display().to_string();
        let (flow, state) = (path("flow.yaml"), path("state"));
        let mut arguments = vec![name, &flow, "--state", &state, "--json"];
        arguments.extend(options);
        let mut command = tidegate(arguments);
        for (name, value) in &self.secrets {
            command = command.secret(name, value);
        }
        command
    }

    fn params(&self) -> Vec<&str> {
        self.params.iter().flat_map(|param| ["--param", param]).collect()
    }

    /// A run that gives up after this time without progress, however it ends.
    pub fn attempt_for(&self, patience: &str) -> Ended {
        // What may have been applied is found out once the invocation that sent it is over.
        let short = ["--invocation-seconds", "6"];
        let ends = [&["--until-caught-up", "--give-up-after", patience], &short[..]].concat();
        self.command("run", &[&ends[..], &self.params()].concat()).run()
    }

    /// Runs it until it is caught up.
    pub fn run(&self) -> Value {
        let summary = self.attempt_for("60s").fine();
        assert_eq!(summary["caught_up"], true, "{summary}");
        summary
    }

    /// Tries again what is parked.
    pub fn replay(&self) -> Value {
        self.command("replay", &self.params()).run().fine()
    }

    /// The ids and reasons of what is parked, ascending.
    pub fn parked(&self) -> Vec<(String, String)> {
        let parked = self.command("parked", &[]).run().fine();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let records = parked["records"].as_array().expect("a list").iter();
        let mut parked: Vec<_> = records.map(|it| (text(&it["id"]), text(&it["reason"]))).collect();
        parked.sort();
        parked
    }
}
